"""A walk through the model: train it, watch events appear, exchange a level, predict many futures.

    python examples/walkthrough.py            some minutes; pictures in runs/walkthrough
    python examples/walkthrough.py --fast     seconds; a model too small to learn anything,
                                              in runs/walkthrough-fast

The cells (``# %%``) open as a notebook in editors that know them, and in jupytext.
"""

# %% [markdown]
# ## 1. What is trained
#
# The preset of the demo, with one start instead of two and 300 steps instead of 800: a 32 px ball
# that changes its colour whenever it bounces. Nobody tells the model when.

# %%
import sys
from dataclasses import replace
from pathlib import Path

import torch

from dlh import DLH
from dlh.analysis.exchange import Moments, resample
from dlh.analysis.moving_ball.ball import read_ball
from dlh.analysis.moving_ball.rollouts import track
from dlh.commands.train import resume, start
from dlh.data.worlds.moving_ball import MovingBall
from dlh.evaluation.events import event_scores
from dlh.reports.figures.canvas import png_bytes
from dlh.reports.figures.events import events_figure
from dlh.reports.figures.levels import FrameRow, frame_rows_figure
from dlh.reports.figures.rollouts import rollouts_figure
from dlh.runs.presets import moving_ball, tiny
from dlh.training.run import EXPERIMENT
from dlh.video import from_stored, to_stored

FAST = "--fast" in sys.argv
FOLDER = Path("runs/walkthrough-fast" if FAST else "runs/walkthrough")
CONTEXT, HORIZON, SAMPLES = (6, 8, 3) if FAST else (30, 60, 50)

experiment = tiny() if FAST else moving_ball()
if not FAST:
    short = {"starts": 1, "seed": 12, "steps": 300, "cooldown_steps": 100}
    experiment = replace(experiment, training=replace(experiment.training, **short))

# %% [markdown]
# ## 2. Events appear
#
# Each validation compares the changes of level 2 with the true events of held-out clips. At first
# level 2 reacts to everything: recall is high and precision low. As the divergences gain weight, it
# gives up what level 1 explains as well. If the run is already finished, it is only opened.


# %%
def watch(line: dict) -> None:
    """Called with every line of metrics.jsonl."""
    if "validation.events.f1" in line:
        precision, recall = line["validation.events.precision"], line["validation.events.recall"]
        depth = line["validation.mean_depth"]
        print(
            f"step {line['step']:>4}: precision {precision:.2f}, recall {recall:.2f}, "
            f"{depth:.2f} levels change at a step"
        )


if (FOLDER / EXPERIMENT).exists():
    resume(FOLDER, on_log=watch)
else:
    start(experiment, FOLDER, on_log=watch)

# %% [markdown]
# ## 3. Which events it found
#
# One held-out clip, frame by frame, with the decisions of level 2 and the true events. `observe`
# returns the trace: everything that was inferred.

# %%
model = DLH.from_pretrained(FOLDER)
world = MovingBall(experiment.data.ball)
clips = world.held_out("test", count=8, clip_length=CONTEXT + HORIZON)
trace, _ = model.observe(from_stored(clips.video))
scores = event_scores(trace.changed[..., 1], clips.events)
print(f"on {len(clips.video)} clips: precision {scores.precision:.2f}, recall {scores.recall:.2f}")
(FOLDER / "walkthrough-events.png").write_bytes(
    png_bytes(
        events_figure(
            clips.video[0],
            trace.changed[0],
            truth=clips.events[0],
            change_probability=trace.change_logit[0].sigmoid(),
        )
    )
)

# %% [markdown]
# ## 4. What each level holds
#
# Take a frame, give one level the state that it had at another moment, leave the other level as it
# is, and decode. The pictures show that level 2 holds the colour and level 1 the position. Other
# models with levels can be asked the same, by the same `observe_levels`.

# %%
generator = torch.Generator().manual_seed(0)
observed = model.model.observe_levels(from_stored(clips.video), generator=generator)
moments = Moments.spread(observed, 3)
groups = []
exchanged = {
    level: resample(model.model, observed, [level], moments, samples=10, generator=generator)
    for level in (2, 1)
}
for moment in range(len(moments)):
    groups.append(
        [
            FrameRow(
                name=f"level {level}",
                first=to_stored(found.original[moment]),
                frames=to_stored(found.frames[moment]),
                level=level,
            )
            for level, found in exchanged.items()
        ]
    )
for level, found in exchanged.items():
    print(f"level {level}: pixel variance {found.pixel_variance:.4f}")
figure = frame_rows_figure(
    groups,
    title="What does each level hold?",
    note="One level's state taken from other moments, the other level as it was.",
    first="as inferred",
    columns=[""] * 10,
)
(FOLDER / "walkthrough-levels.png").write_bytes(png_bytes(figure))

# %% [markdown]
# ## 5. Many futures
#
# The model observes some frames and then predicts. At each step it first draws whether level 2
# changes. Where it does, the ball has another colour from that frame on.

# %%
context, truth = clips.video[0, :CONTEXT], clips.video[0, CONTEXT:]
prediction = model.predict(context, horizon=HORIZON, samples=SAMPLES, seed=0)
frames = prediction.frames[0]
reading = read_ball(frames, world.config)
true_reading = read_ball(from_stored(truth)[0], world.config)
tracking = track(reading.centre[None], true_reading.centre[None], world.config.radius)
print(
    f"{reading.clear.double().mean():.0%} of predicted frames have a ball of one colour; it is in "
    f"place for {int(tracking.steps.max())} steps in the best of {SAMPLES} futures"
)
figure = rollouts_figure(
    to_stored(frames[:5]),
    truth=truth,
    changed=prediction.changed[0, :5, :, 1].numpy(),
    true_changes=clips.events[0, CONTEXT:],
)
(FOLDER / "walkthrough-futures.png").write_bytes(png_bytes(figure))
print(f"pictures: {FOLDER}/walkthrough-*.png; the run's own page: {FOLDER}/report.html")
