"""What changed when: a film strip, and below it every level's decisions (as Fig. 5c)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from dlh.reports.figures import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 12.0
LEFT = 0.95  # inches: room for the names of the lanes
RIGHT = 0.3
TRUTH_LANE = 0.24
BETWEEN = 0.07
HEAD = 0.8  # title, summary and legend
FRAME_NUMBERS = 0.24
COLUMNS = 18  # pictures in the strip: about 90 dots each
STRIDES = (1, 2, 3, 4, 5, 8, 10, 15, 20, 30, 50, 100, 200, 500, 1000)
NOTE = "level 1 changes at every frame and is not drawn"


PAIRS_IN_ROW = 4
PAIR_TITLE = 0.3
PAIRS_HEAD = 0.4


@dataclass(frozen=True, kw_only=True)
class Pair:
    """The frames before and after an event, uint8 (height, width, channel).

    Attributes:
        frame: of ``after``, from 0.
        seconds: its time.
        surprise: of the event.
    """

    before: np.ndarray
    after: np.ndarray
    frame: int
    seconds: float
    surprise: float


@dataclass(frozen=True)
class Story:
    """One clip's frames, decisions, truth and predicted probabilities, checked."""

    frames: np.ndarray  # uint8 (time, height, width, 3); perhaps of the beginning only
    changed: np.ndarray  # bool (time, levels), with the first step's forced change taken out
    truth: np.ndarray | None  # bool (time,)
    probability: np.ndarray | None  # (time, levels)
    fps: float | None
    lane: str | None = None  # what the only lane is called, of a method without levels

    @property
    def length(self) -> int:
        return len(self.changed)

    @property
    def levels(self) -> int:
        return self.changed.shape[1]

    @property
    def active(self) -> np.ndarray:
        """(time,): frames with an inferred change above level 1 or a true event."""
        inferred = np.any(self.changed[:, 1:], axis=1)
        return inferred if self.truth is None else np.logical_or(inferred, self.truth)


@dataclass(frozen=True)
class Lanes:
    """The lanes of one stretch of time, the highest level on top.

    Attributes:
        story: what is drawn.
        limits: the stretch, in frames.
        lane: height of a level's lane, inches.
        detailed: whether p(change) and the truth run through the levels' lanes; otherwise a bar
            code.
        shade: a stretch to mark.
    """

    story: Story
    limits: tuple[float, float]
    lane: float
    detailed: bool
    shade: tuple[float, float] | None = None

    @property
    def height(self) -> float:
        """Of all lanes together, inches."""
        truth = 0.0 if self.story.truth is None else TRUTH_LANE
        return truth + max(self.story.levels - 1, 1) * (self.lane + BETWEEN)

    def draw(self, figure: Figure, top: float, note: str = "") -> None:
        """Draw them from ``top`` inches downwards, with the axis of time and a note below it."""
        width = figure.get_size_inches()[0] - LEFT - RIGHT
        if self.story.truth is not None:
            axes = canvas.place(figure, LEFT, top, width, TRUTH_LANE - 0.04)
            self._draw_truth(axes, self.story.truth)
            top += TRUTH_LANE
        for level in range(self.story.levels, 1, -1) if self.story.levels > 1 else (1,):
            axes = canvas.place(figure, LEFT, top, width, self.lane)
            self._draw_level(axes, level)
            top += self.lane + BETWEEN
        _time_axis(axes, self.story.fps, note)

    def _draw_truth(self, axes: Axes, truth: np.ndarray) -> None:
        _name(axes, "truth")
        times = np.flatnonzero(truth)
        size = 8 if self.detailed else 4.5
        style: dict[str, Any] = {"color": canvas.TRUTH, "markersize": size, "markeredgewidth": 0}
        axes.plot(times, np.full(len(times), 0.5), "v", **style)
        axes.set(xlim=self.limits, ylim=(0, 1))

    def _draw_level(self, axes: Axes, level: int) -> None:
        axes.set_facecolor(canvas.WASH)
        _name(axes, self.story.lane or f"level {level}")
        if self.shade is not None:
            axes.axvspan(*self.shade, color="#dbe2e8", linewidth=0)
        if level > 1:
            bars = np.flatnonzero(self.story.changed[:, level - 1])
            colour = canvas.MODEL_PALE if self.detailed else canvas.MODEL
            # One collection: a long video has thousands of bars.
            places = [(time - 0.46, 0.92) for time in bars.tolist()]
            axes.broken_barh(places, (0, 1), facecolors=colour, linewidth=0)
            if self.detailed:
                self._draw_details(axes, level)
        axes.set(xlim=self.limits, ylim=(-0.04, 1.04))

    def _draw_details(self, axes: Axes, level: int) -> None:
        if self.story.truth is not None:
            style: dict[str, Any] = {
                "color": canvas.TRUTH,
                "linewidth": 1,
                "linestyle": (0, (2, 2)),
            }
            for time in np.flatnonzero(self.story.truth):
                axes.axvline(time, **style)
        if self.story.probability is not None:
            # One value per frame, so a staircase: its treads are as wide as the bars.
            times = np.arange(1, self.story.length)
            weight = 1.2 if self.limits[1] - self.limits[0] < 60 else 0.7
            shown = self.story.probability[1:, level - 1]
            axes.step(times, shown, where="mid", color=canvas.INK, linewidth=weight)
            style: dict[str, Any] = {
                "fontsize": 7,
                "color": canvas.QUIET,
                "transform": axes.transAxes,
            }
            axes.text(1.004, 0, "0", va="bottom", **style)
            axes.text(1.004, 1, "1", va="top", **style)


def events_figure(
    video: np.ndarray,
    changed: Tensor | ArrayLike,
    *,
    truth: Tensor | ArrayLike | None = None,
    change_probability: Tensor | ArrayLike | None = None,
    fps: float | None = None,
    pairs: Sequence[Pair] = (),
    lane: str | None = None,
) -> Figure:
    """Consecutive frames, and aligned below them when each level changed (Fig. 5c).

    A clip longer than the strip shows its most eventful window large and the whole clip below it.
    Level 1 changes at every frame and is not drawn; nor is the forced change of the first frame.

    Args:
        video: stored frames of one clip, uint8 (time, height, width, channel); of a long one its
            first frames are enough.
        changed: e_t^n, bool (time, levels).
        truth: the true events, bool (time,), where the data knows them.
        change_probability: p(e_t^n = 1), (time, levels).
        fps: frames per second, to write seconds beside frames.
        pairs: of the most surprising events, drawn below in this order.
        lane: the name of the only lane, of a method without levels.
    """
    story = _story(video, changed, truth, change_probability, fps)
    story = replace(story, lane=lane)
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
    end = height + (0 if shows_all else 0.4 + whole.height + axis)
    figure = canvas.new_figure(WIDTH, end + _pairs_height(pairs, width))

    canvas.headline(figure, "When did something change?", _summary(story, stride))
    _legend(figure, story)
    axes = canvas.place(figure, LEFT, HEAD, width, strip.height)
    _draw_strip(axes, story, limits, stride, strip)
    zoom.draw(figure, HEAD + strip.height, NOTE if shows_all else "")
    if not shows_all:
        heading = f"The whole clip, {story.length} frames. The shaded window is the one above."
        canvas.write(figure, LEFT, height + 0.06, heading)
        whole.draw(figure, height + 0.36, NOTE)
    if pairs:
        heading = (
            "The most surprising events. Each with time, frame and surprise; the frame before, and "
            "the first of the new state."
        )
        canvas.write(figure, LEFT, end + 0.1, heading)
        _draw_pairs(figure, pairs, end + PAIRS_HEAD, width)
    return figure


def _pair_sizes(pairs: Sequence[Pair], width: float) -> tuple[float, float]:
    """Width of a place for a pair, and height of its pictures, inches."""
    rows, columns = pairs[0].after.shape[:2]
    place = width / PAIRS_IN_ROW
    return place, min(place * 0.46 * rows / columns, 1.6)


def _pairs_height(pairs: Sequence[Pair], width: float) -> float:
    if not pairs:
        return 0.0
    _, height = _pair_sizes(pairs, width)
    return PAIRS_HEAD + -(-len(pairs) // PAIRS_IN_ROW) * (height + PAIR_TITLE) + 0.1


def _draw_pairs(figure: Figure, pairs: Sequence[Pair], top: float, width: float) -> None:
    place, height = _pair_sizes(pairs, width)
    for number, pair in enumerate(pairs):
        row, column = divmod(number, PAIRS_IN_ROW)
        left = LEFT + column * place
        above = top + row * (height + PAIR_TITLE)
        said = f"{pair.seconds:.2f} s, frame {pair.frame}: {pair.surprise:.3g}"
        canvas.write(figure, left, above, said)
        for side, pixels in enumerate((pair.before, pair.after)):
            picture = canvas.as_rgb(pixels[None])[0]
            wide = height * picture.shape[1] / picture.shape[0]
            box = canvas.place(
                figure, left + side * (wide + 0.04), above + PAIR_TITLE - 0.08, wide, height
            )
            box.imshow(picture, interpolation="nearest", aspect="auto")
            box.set(xticks=[], yticks=[])


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
    if story.lane is not None:
        return f"{_count(int(inferred.sum()), 'event')} {length}{pictures}"
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


def _name(axes: Axes, name: str) -> None:
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_visible(False)
    style: dict[str, Any] = {"ha": "right", "va": "center", "fontsize": 9, "color": canvas.INK}
    axes.text(-0.012, 0.5, name, transform=axes.transAxes, **style)


def _time_axis(axes: Axes, fps: float | None, note: str) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(nbins=12, integer=True))
    axes.tick_params(axis="x", colors=canvas.QUIET, labelsize=8.5, length=3)
    label = "frame"
    if fps is not None:
        label = "frame and seconds"
        axes.xaxis.set_major_formatter(lambda frame, _: f"{frame:.0f}\n{frame / fps:.4g} s")
    label += f"    ({note})" if note else ""
    axes.set_xlabel(label, fontsize=8.5, color=canvas.QUIET)
