"""What changed when: a film strip, and below it every level's decisions (as Fig. 5c)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from dlh.reports.figures import canvas
from dlh.reports.figures.lanes import LEFT, RIGHT, Lanes, Story

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 12.0
HEAD = 0.8  # title, summary and legend
FRAME_NUMBERS = 0.24
COLUMNS = 18  # pictures in the strip: about 90 dots each
STRIDES = (1, 2, 3, 4, 5, 8, 10, 15, 20, 30, 50, 100, 200, 500, 1000)
NOTE = "level 1 changes at every frame and is not drawn"


def draw_events(
    video: np.ndarray,
    changed: Tensor | ArrayLike,
    *,
    truth: Tensor | ArrayLike | None = None,
    change_probability: Tensor | ArrayLike | None = None,
    fps: float | None = None,
    title: str = "When did something change?",
) -> bytes:
    """events.png: consecutive frames, and aligned below them when each level changed.

    A clip longer than the strip shows its most eventful window large and the whole clip below it.
    Level 1 changes at every frame and is not drawn; nor is the forced change of the first frame.

    Args:
        video: stored frames of one clip, uint8 (time, height, width, channel); of a long one its
            first frames are enough.
        changed: e_t^n, bool (time, levels).
        truth: the true events, bool (time,), where the data knows them.
        change_probability: p(e_t^n = 1), (time, levels).
        fps: frames per second, to write seconds beside frames.
        title: the headline.

    Returns:
        PNG bytes.
    """
    return canvas.png_bytes(
        events_figure(
            video,
            changed,
            truth=truth,
            change_probability=change_probability,
            fps=fps,
            title=title,
        )
    )


def events_figure(
    video: np.ndarray,
    changed: Tensor | ArrayLike,
    *,
    truth: Tensor | ArrayLike | None = None,
    change_probability: Tensor | ArrayLike | None = None,
    fps: float | None = None,
    title: str = "When did something change?",
) -> Figure:
    """What :func:`draw_events` draws (Fig. 5c), before it is written as PNG or PDF."""
    story = _story(video, changed, truth, change_probability, fps)
    first, stride = _window(story)
    columns = min(COLUMNS, -(-len(story.frames) // stride))
    shows_all = columns * stride >= story.length
    limits = (first - 0.5, first + columns * stride - 0.5)
    everything = (-0.5, story.length - 0.5)
    zoom = Lanes(story, limits, lane=0.44, detailed=True)
    whole = Lanes(story, everything, lane=0.2, detailed=False, shade=limits)
    width = WIDTH - LEFT - RIGHT
    strip = _strip(story, columns, stride, width)
    axis = 0.55 if fps is None else 0.69  # one or two lines of numbers, and a name
    height = HEAD + strip.height + zoom.height + axis
    figure = canvas.new_figure(WIDTH, height + (0 if shows_all else 0.4 + whole.height + axis))

    canvas.headline(figure, title, _summary(story, stride))
    _legend(figure, story)
    axes = canvas.place(figure, LEFT, HEAD, width, strip.height)
    _draw_strip(axes, story, limits, stride, strip)
    zoom.draw(figure, HEAD + strip.height, NOTE if shows_all else "")
    if not shows_all:
        heading = f"The whole clip, {story.length} frames. The shaded window is the one above."
        canvas.write(figure, LEFT, height + 0.06, heading)
        whole.draw(figure, height + 0.36, NOTE)
    return figure


def _story(video, changed, truth, change_probability, fps) -> Story:
    frames = canvas.as_rgb(video)
    changed = canvas.as_array(changed).astype(bool)
    length = len(changed)
    if changed.ndim != 2 or not 2 <= len(frames) <= length:
        raise ValueError(
            "an event picture needs at least 2 frames and one row of decisions (time, levels) for "
            f"each, found {len(frames)} frame(s) and decisions of shape {changed.shape}"
        )
    changed[0] = False  # forced; astype has made a copy
    if truth is not None:
        truth = canvas.as_array(truth).astype(bool)
    if change_probability is not None:
        change_probability = canvas.as_array(change_probability).astype(float)
    for name, values, shape in (
        ("the truth", truth, (length,)),
        ("the change probability", change_probability, changed.shape),
    ):
        if values is not None and values.shape != shape:
            raise ValueError(f"{name} of this clip has shape {shape}, found {values.shape}")
    return Story(frames, changed, truth, change_probability, fps)


def _window(story: Story) -> tuple[int, int]:
    """The first frame and the stride of the strip: the finest stride at which some window holds
    four events.

    Of the windows of that stride the fullest is taken, whether the model was right there or wrong.
    """
    shown = len(story.frames)
    if shown <= COLUMNS:
        return 0, 1
    active = np.concatenate([[0], np.cumsum(story.active[:shown])])
    wanted = min(4, int(active[-1]))
    for stride in STRIDES:
        span = COLUMNS * stride
        if span >= shown:
            return 0, stride
        held = active[span:] - active[:-span]
        if held.max() >= wanted:
            # The middle of the first run of equally full windows, so no event sits at the edge.
            best = np.flatnonzero(held == held.max())
            run = best[: np.argmax(np.diff(best, append=best[-1] + 2) > 1) + 1]
            return int(run[len(run) // 2]), stride
    return 0, -(-shown // COLUMNS)


def _summary(story: Story, stride: int) -> str:
    """One line of what the clip holds, in words."""
    length = f"in {story.length} frames"
    if story.levels == 1:
        return "A model of one level infers no events"
    # Every frame has a picture, or every few frames share one.
    pictures = (
        ""
        if stride == 1
        else f".  One picture for every {stride} frames: their event, or the first"
    )
    inferred = story.changed[1:, 1]
    if story.truth is None:
        return f"Level 2 changed {_count(int(inferred.sum()), 'time')} {length}{pictures}"
    truth = story.truth[1:]
    found, false = int((inferred & truth).sum()), int((inferred & ~truth).sum())
    alarms = _count(false, "false alarm") if false else "no false alarm"
    events = _count(int(truth.sum()), "true event")
    return f"{events} {length}: level 2 found {found}, with {alarms}{pictures}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _legend(figure: Figure, story: Story) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list = [Patch(facecolor=canvas.MODEL_PALE, label="level changed (inferred)")]
    if story.probability is not None:
        handles.append(
            Line2D([], [], color=canvas.INK, linewidth=1.2, label="p(change), predicted")
        )
    if story.truth is not None:
        style: dict[str, Any] = {"marker": "v", "linestyle": "none", "markersize": 7}
        handles.append(Line2D([], [], color=canvas.TRUTH, label="true event", **style))
    width, height = figure.get_size_inches()
    figure.legend(
        handles=handles,
        loc="upper right",
        bbox_to_anchor=(1 - RIGHT / width, 1 - 0.2 / height),
        ncols=len(handles),
        frameon=False,
        fontsize=9,
        labelcolor=canvas.INK,
        borderaxespad=0,
        handlelength=1.4,
        columnspacing=1.6,
    )


@dataclass(frozen=True)
class _Strip:
    """Sizes in inches: a picture's place and itself, the leaders below it, and all of it."""

    place: float
    width: float
    picture: float
    leaders: float

    @property
    def height(self) -> float:
        return FRAME_NUMBERS + self.picture + self.leaders


def _strip(story: Story, columns: int, stride: int, width: float) -> _Strip:
    height_pixels, width_pixels = story.frames.shape[1:3]
    place = width / columns
    picture_width = min(place * 0.94, 1.6 * max(1.0, width_pixels / height_pixels))
    # Leaders run from a picture to its frame, which is its middle only where every frame is shown.
    leaders = 0.08 if stride == 1 else 0.24
    return _Strip(place, picture_width, picture_width * height_pixels / width_pixels, leaders)


def _draw_strip(
    axes: Axes, story: Story, limits: tuple[float, float], stride: int, strip: _Strip
) -> None:
    """The pictures, each at its time under its number; a blue border where a level changed."""
    from matplotlib.patches import Rectangle

    half = strip.width / strip.place * stride / 2
    bottom, top = strip.leaders, strip.leaders + strip.picture
    first, end = round(limits[0] + 0.5), min(round(limits[1] + 0.5), len(story.frames))
    for start in range(first, end, stride):
        cell = np.arange(start, min(start + stride, len(story.frames)))
        # With a stride, a cell shows the frame of its first event, so that no event is skipped.
        frame = int(cell[np.argmax(story.active[cell])])
        centre = start + (stride - 1) / 2
        box = (centre - half, centre + half, bottom, top)
        axes.imshow(story.frames[frame], extent=box, interpolation="nearest", aspect="auto")
        changed = story.changed[frame, 1:].any()
        colour, weight = (canvas.MODEL, 2.6) if changed else (canvas.FAINT, 1.0)
        edge: dict[str, Any] = {"fill": False, "edgecolor": colour, "linewidth": weight}
        axes.add_patch(Rectangle((box[0], bottom), 2 * half, strip.picture, **edge))
        if stride > 1:
            leader: dict[str, Any] = {"color": colour, "linewidth": weight / 2, "clip_on": False}
            axes.plot([centre, frame], [bottom, 0.03], **leader)
        style: dict[str, Any] = {
            "ha": "center",
            "va": "bottom",
            "fontsize": 8,
            "color": canvas.QUIET,
        }
        if story.active[frame]:
            style |= {"color": canvas.INK, "fontweight": "bold"}
        axes.text(centre, top + 0.05, str(frame), **style)
    axes.set(xlim=limits, ylim=(0, strip.height))
    axes.axis("off")
