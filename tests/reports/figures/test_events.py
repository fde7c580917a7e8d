from __future__ import annotations

import numpy as np
import pytest
import torch

from dlh.data.worlds.moving_ball import MovingBall, MovingBallConfig
from dlh.reports.figures import canvas
from dlh.reports.figures.events import COLUMNS, LEFT, RIGHT, WIDTH, Story, _window, events_figure
from pictures import pixels, where_is
from refusals import refused


def column_of(frame: float, first: int, last: int) -> int:
    """The picture's column of pixels in which a frame of the stretch first..last is drawn."""
    share = (frame - (first - 0.5)) / (last - first + 1)
    return round((LEFT + share * (WIDTH - LEFT - RIGHT)) * canvas.DOTS_PER_INCH)


def longest_run(column: np.ndarray) -> int:
    """The longest run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], column.astype(int), [0]])))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def decisions(length: int, *frames: int, levels: int = 2) -> np.ndarray:
    changed = np.zeros((length, levels), dtype=bool)
    changed[:, 0] = True
    changed[0] = True
    changed[list(frames), 1] = True
    return changed


def draw_events(*shown, **known) -> bytes:
    return canvas.png_bytes(events_figure(*shown, **known))


def grey_video(length: int, height: int = 32, width: int = 32) -> np.ndarray:
    return np.full((length, height, width, 1), 200, np.uint8)


@pytest.mark.parametrize(
    "size, length", [(32, 2), (64, 10), (32, COLUMNS), (64, COLUMNS + 1), (32, 300)]
)
def test_clips_of_any_length_are_drawn_at_one_width(size: int, length: int):
    ball = MovingBall(MovingBallConfig(size=size, radius=4, speed=5))
    clips = ball.held_out("test", count=1, clip_length=length)
    changed = np.stack([np.ones(length, bool), clips.events[0]], axis=1)
    picture = pixels(draw_events(clips.video[0], changed, truth=clips.events[0]))
    assert picture.shape[1] == round(WIDTH * canvas.DOTS_PER_INCH)
    assert 300 < picture.shape[0] < 1200
    assert (picture == 255).all(2).mean() > 0.3
    assert (picture.std((0, 1)) > 20).all()


def test_a_bar_is_drawn_at_every_inferred_change_and_at_no_other_frame():
    length = 12
    picture = pixels(draw_events(grey_video(length), decisions(length, 3, 8)))
    bars = where_is(picture, canvas.MODEL_PALE)
    heights = [longest_run(bars[:, column_of(frame, 0, length - 1)]) for frame in range(length)]
    assert [frame for frame, height in enumerate(heights) if height > 40] == [3, 8]


def test_the_forced_change_of_the_first_frame_is_not_drawn_and_the_input_not_touched():
    changed = decisions(10)
    assert changed[0, 1]
    picture = pixels(draw_events(grey_video(10), changed))
    bars = where_is(picture, canvas.MODEL_PALE)
    assert longest_run(bars[:, column_of(0, 0, 9)]) < 10
    assert changed[0, 1]


def test_a_triangle_stands_at_every_true_event_also_where_the_model_missed_it():
    truth = np.zeros(12, bool)
    truth[[4, 8]] = True
    picture = pixels(draw_events(grey_video(12), decisions(12, 8), truth=truth))
    marks = where_is(picture, canvas.TRUTH)[100:]  # below the legend
    found = [frame for frame in range(12) if longest_run(marks[:, column_of(frame, 0, 11)]) > 8]
    assert found == [4, 8]
    assert where_is(pixels(draw_events(grey_video(12), decisions(12, 8))), canvas.TRUTH).sum() == 0


def test_frames_at_which_a_level_changed_have_a_blue_border():
    picture = pixels(draw_events(grey_video(10), decisions(10, 6)))
    blue = where_is(picture, canvas.MODEL)
    half = (WIDTH - LEFT - RIGHT) / 10 * 0.94 / 2 * canvas.DOTS_PER_INCH

    def has_border(frame: int) -> bool:
        edge = round(column_of(frame, 0, 9) - half)
        return max(longest_run(blue[:, column]) for column in range(edge - 3, edge + 4)) > 100

    assert [frame for frame in range(10) if has_border(frame)] == [6]


def test_the_frames_themselves_are_in_the_strip_with_their_colours():
    video = np.zeros((10, 32, 32, 3), np.uint8)
    for frame in range(10):
        video[frame] = (10 * frame, 200, 0)
    picture = pixels(draw_events(video, decisions(10)))
    for frame in range(10):
        column = picture[:, column_of(frame, 0, 9)]
        assert longest_run((column == (10 * frame, 200, 0)).all(1)) > 100


def test_the_predicted_probability_is_a_line_at_its_height():
    probability = np.zeros((10, 2))
    probability[5, 1] = 1.0
    picture = pixels(draw_events(grey_video(10), decisions(10), change_probability=probability))
    line = where_is(picture, canvas.INK, tolerance=40)

    def height(frame: int) -> int:
        rows = np.flatnonzero(line[300:, column_of(frame, 0, 9)])
        return int(rows[0])

    assert height(4) == height(8)
    assert height(4) - height(5) > 50  # the lane is 66 dots high


def test_a_long_clip_is_also_drawn_whole_with_all_its_changes():
    length, changes = 100, (10, 11, 12, 13, 90)
    picture = pixels(draw_events(grey_video(length), decisions(length, *changes)))
    code = where_is(picture[-150:], canvas.MODEL)
    found = [t for t in range(length) if longest_run(code[:, column_of(t, 0, 99)]) > 20]
    assert found == list(changes)


def story(length: int, *frames: int) -> Story:
    changed = decisions(length, *frames)
    changed[0] = False
    return Story(grey_video(length), changed, None, None, None)


def test_the_window_holds_the_most_events_and_consecutive_frames_where_it_can():
    first, stride = _window(story(200, 20, 100, 104, 106, 110, 150))
    assert stride == 1
    assert first <= 100 and first + COLUMNS > 110


def test_rare_events_are_brought_into_one_window_by_a_stride():
    first, stride = _window(story(400, 60, 190, 320))
    assert stride > 1
    assert first <= 60 and first + COLUMNS * stride > 320


def test_with_a_stride_the_picture_of_an_event_is_the_frame_of_the_event():
    video = grey_video(400)
    video[190] = 17
    picture = pixels(draw_events(video, decisions(400, 60, 190, 320)))
    assert (picture == 17).all(2).sum() > 1000


def test_a_clip_without_any_change_is_drawn_too():
    for length in (10, 60):
        assert pixels(draw_events(grey_video(length), decisions(length))).size


def test_wide_frames_keep_their_shape():
    picture = pixels(draw_events(np.zeros((10, 24, 48, 3), np.uint8), decisions(10)))
    black = (picture == 0).all(2)
    tall, wide = longest_run(black[:, column_of(5, 0, 9)]), longest_run(black[220])
    assert wide / tall == pytest.approx(2, rel=0.05)


def test_a_model_of_one_level_has_no_bars_and_says_so():
    picture = pixels(draw_events(grey_video(10), np.ones((10, 1), bool)))
    legend = where_is(picture, canvas.MODEL_PALE)[100:]
    assert not legend.any()


def test_tensors_and_seconds_are_taken():
    changed = torch.from_numpy(decisions(30, 5, levels=3))
    probability = torch.rand(30, 3)
    with_seconds = draw_events(grey_video(30), changed, change_probability=probability, fps=25)
    assert pixels(with_seconds).shape[0] > pixels(draw_events(grey_video(30), changed)).shape[0]


def test_what_does_not_fit_together_is_refused():
    with refused(ValueError, 10, (9, 2)):
        draw_events(grey_video(10), decisions(9))
    with refused(ValueError, (10,), (9,)):
        draw_events(grey_video(10), decisions(10), truth=np.zeros(9, bool))
    with refused(ValueError, "uint8", "float64", (10, 4, 4, 3)):
        draw_events(np.zeros((10, 4, 4, 3)), decisions(10))
