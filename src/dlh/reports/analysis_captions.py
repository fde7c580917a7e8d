"""What analysis.html says to its figures and tables."""

from __future__ import annotations

LEDE = (
    "Read off what the model infers on held-out clips, and off what it decodes and predicts. What "
    "the paper calls a table or a figure is named with its number there. A number after ± is a "
    "standard error between clips."
)
PAPER = (
    "The paper's numbers (Tables 2, 3 and 5) are of its own model and its own Moving Ball; its "
    "nats are most plausibly per 100 frames."
)
LEVELS = (
    "Left: how often each level changes. Level 1 always does; if level 2 changed exactly when "
    "something happens, its bar would end at the dashed line. Right: what each level has to say, "
    "as divergence from what it expected."
)
EVENTS = (
    "Frames of a held-out clip and, below, what each level decided; a black line is the "
    "probability that it gave to a change before it saw the frame."
)
RELIABILITY = (
    "Of all steps at which a change was given the probability p, the share at which one came. On "
    "the diagonal a probability means what it says. Below, how many steps there were. The bars are "
    "binomial errors, as if all steps were independent, not errors between clips."
)
EXCHANGED = (
    "What changes in a row is what that level holds. The number at the right is the variance of "
    "pixels between the frames of a row, over {moments} moments."
)
ROLLED = "What a level alone expects: its own transitions, under what all others hold."
FUTURES = (
    "Futures of one context, drawn from the priors alone. If the strokes fall where the colours of "
    "the band change, it is level 2 that decides when the ball changes its colour."
)
FRAMES_ONLY = "Futures of one context, drawn from the priors alone."
TRACKING = (
    "The share of predicted balls whose centre has never been further from the true one than the "
    "ball's radius. A future that is off once and comes back counts as lost. Who has seen the past "
    "knows the rules and the frames of the context: no model can do better."
)
PSNR = (
    "The best future is chosen once per clip, by its mean over all steps; a floor is what a still "
    "frame scores on the same clips."
)
