"""The words of the results page."""

from __future__ import annotations

HEAD = """\
# Moving Ball: the paper's numbers and ours

Made by `dlh experiments page` from [moving-ball.json](moving-ball.json), which holds every value
of every seed; what a number means is in [findings.md](../findings.md). Where several seeds were
run a number is their mean, and ± their standard deviation. The world is the 32 px ball of the
preset `moving-ball`, in which something changes at about 23 % of all steps at lambda = 0 (the
paper's tables imply about 22 %); the models are of a laptop's size, not the paper's.
"""
TABLE2 = """\
The paper's L-bar counts the forced first step, which adds (N - 1) / 100 here; ours without it is
to be held against 1 + the true change rate. All of these runs had one and the same budget, that
of the preset.
"""
TABLE3 = """\
The mean of p(e² = 1), said before the frame is seen. *Who has seen the past* knows the rules and
all frames so far, and nobody can know more: a particle filter. *Who knows the bounces* knows more
than can be known (closed form, with this level 2's recall of random changes).
"""
FUTURES = """\
16 held-out clips, 100 futures of 200 frames each, after 30 frames. A step counts as in place as
long as the centre has never been off by more than the ball's radius.
"""
HELD = """\
The state of one level taken from another moment, all others as they were (Fig. 5a), and one level
rolled forward (Fig. 5b).
"""
ABLATION = """\
Each against a reference of the same budget, levels and seeds. The likelihood of another std is
another measure, so bounds do not compare; events, foresight and PSNR do.
"""
MNIST = """\
One run at a CPU's scale: two real digits (5,000 of MNIST's), 64 px, three levels. It is to show
what the levels hold on another world, not to compete: the paper trained for days.
"""
COURSES = {
    "full": "Held-out figures over training, by lambda, a line for each seed.",
    "levels": "Held-out figures over training, by the number of levels, a line for each seed.",
}
KEPT = {
    "events": "Decisions of level 2 under a held-out clip (Fig. 5c).",
    "exchanged": "One level's state taken from other moments (Fig. 5a).",
    "rolled": "One level rolled forward (Fig. 5b).",
    "futures": "Futures with their switches (Fig. 6).",
    "reliability": "Are the probabilities right? (Table 3)",
    "tracking": "How long the predicted ball is in place.",
    "psnr": "PSNR by predicted step, and the floors (Fig. 9).",
}
