from __future__ import annotations

import numpy as np
import pytest
import torch

from dlh import DLH
from dlh.analysis import Evidence
from dlh.data.video.encode import write_video
from dlh.errors import UsageError
from dlh.models.dlh import DLHConfig, DynamicLatentHierarchy
from dlh.pretrained import trained_model as public
from dlh.runs.presets import tiny
from dlh.video import VideoError
from refusals import refused
from small_models import changing_model

CONFIG = tiny().model


@pytest.fixture(scope="module")
def model() -> DLH:
    return DLH(changing_model(CONFIG))


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    """Stored frames, each random picture for a few steps."""
    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (12, 16, 16, 3), dtype=np.uint8)
    return pictures.repeat(random.integers(1, 5, 12), axis=0)


def assert_same_trace(one, other, tolerance=1e-5) -> None:
    assert torch.equal(one.changed, other.changed)
    for name in ("state", "memory", "context", "change_logit", "static_divergence"):
        torch.testing.assert_close(
            getattr(one, name), getattr(other, name), atol=tolerance, rtol=tolerance
        )


def test_a_model_comes_back_from_its_folder_as_it_was(model, frames, tmp_path):
    model.save_pretrained(tmp_path / "new" / "folder")
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == [
        "config.json",
        "model.safetensors",
    ]
    back = DLH.from_pretrained(tmp_path / "new" / "folder")
    assert back.config == model.config and not back.model.training
    for name, value in model.model.state_dict().items():
        assert torch.equal(back.model.state_dict()[name], value), name
    assert_same_trace(back.observe(frames)[0], model.observe(frames)[0], 0)


def test_a_video_observed_in_pieces_gives_what_it_gives_at_once(model, frames):
    whole, end = model.observe(frames, seed=3)
    assert 3 < whole.changed[0, 1:, 1].sum() < len(frames) - 3  # or it would show little
    stream, traces = None, []
    for piece in (frames[:1], frames[1:9], frames[9:10], frames[10:]):
        trace, stream = model.observe(piece, stream, seed=3)
        traces.append(trace)
    assert stream.frames_seen == end.frames_seen == len(frames)
    assert_same_trace(type(whole).concatenate(traces, 1), whole)
    torch.testing.assert_close(stream.carried.memory, end.carried.memory, atol=1e-5, rtol=1e-5)
    other, _ = model.observe(frames, seed=4)
    assert not torch.equal(other.state, whole.state)


def test_a_piece_of_another_batch_is_refused(model, frames):
    _, stream = model.observe(frames[:3])
    with refused(VideoError, 1, 2):
        model.observe(np.stack([frames[3:5]] * 2), stream)


def test_events_of_pieces_are_those_of_the_whole(model, frames, tmp_path, monkeypatch):
    monkeypatch.setattr(public, "FRAMES_AT_ONCE", 4)
    whole, _ = model.observe(frames)
    expected = [t for t in range(1, len(frames)) if whole.changed[0, t, 1]]
    as_tensor = torch.from_numpy(frames).movedim(-1, 1) / 255
    for given in (frames, as_tensor, as_tensor[None], iter([frames[:2], frames[2:9], frames[9:]])):
        found = model.events(given, fps=4)
        assert [event.frame for event in found.levels[1].events] == expected
        assert found.levels[1].events[0].seconds == expected[0] / 4
        assert found.frames == len(frames)
    assert model.events(frames).levels[1].events[0].seconds is None
    write_video(tmp_path / "a.mp4", frames, 5)
    assert model.events(tmp_path / "a.mp4").fps == 5
    assert model.events(str(tmp_path / "a.mp4"), fps=8).fps == 8


def test_events_need_one_video_of_two_frames(model, frames):
    with refused(VideoError, 2, 1):
        model.events(frames[:1])
    with refused(VideoError, 2, 0):
        model.events(iter([]))
    with refused(VideoError, 2):
        model.events(np.stack([frames[:5]] * 2))


def test_the_evidence_of_pieces_is_that_of_the_whole_and_holds_nothing_large(model, frames):
    (whole,) = model.evidence([frames])
    pieces = [*model.evidence([frames[:13], frames[13:20], frames[20:]])]
    joined = Evidence.concatenate(pieces)
    assert [piece.frames for piece in pieces] == [13, 7, len(frames) - 20]
    for name in ("changed", "surprise", "static_divergence", "change_probability"):
        np.testing.assert_allclose(getattr(joined, name), getattr(whole, name), atol=1e-4)
    assert joined.began[0] is None and model.decides_piecewise
    for level in range(2, whole.levels + 1):
        began = joined.began[level - 1]
        assert began.shape == (whole.changed[:, level - 1].sum(), 2, model.config.state_size)
        np.testing.assert_allclose(began, whole.began[level - 1], atol=1e-4)
    columns = (joined.surprise, joined.static_divergence, joined.changed)
    assert all(each.shape == (len(frames), whole.levels) for each in columns)


def test_a_seed_decides_the_futures(model, frames):
    first = model.predict(frames, horizon=6, samples=3, seed=1)
    again = model.predict(frames, horizon=6, samples=3, seed=1)
    other = model.predict(frames, horizon=6, samples=3, seed=2)
    assert first.frames.shape == (1, 3, 6, 3, 16, 16) and first.changed.shape == (1, 3, 6, 2)
    assert torch.equal(first.frames, again.frames) and not torch.equal(first.frames, other.frames)
    assert first.frames.min() >= 0 and first.frames.max() <= 1


def test_futures_one_by_one_are_those_of_predict(model, frames):
    batch = np.stack([frames[:8], frames[8:16]])
    whole = model.predict(batch, horizon=5, samples=4, seed=7)
    parts = list(model.futures(batch, horizon=5, samples=4, seed=7))
    assert [part.frames.shape for part in parts] == [(2, 1, 5, 3, 16, 16)] * 4
    torch.testing.assert_close(torch.cat([part.frames for part in parts], 1), whole.frames)
    assert torch.equal(torch.cat([part.changed for part in parts], 1), whole.changed)


def test_futures_are_decoded_when_they_are_asked_for(model, frames, monkeypatch):
    decoded = []
    decode = DynamicLatentHierarchy.decode
    monkeypatch.setattr(
        DynamicLatentHierarchy, "decode", lambda self, c: decoded.append(len(c)) or decode(self, c)
    )
    futures = model.futures(frames, horizon=3, samples=50)
    next(futures)
    next(futures)
    assert decoded == [1, 1]


@pytest.mark.parametrize("name", ["horizon", "samples"])
@pytest.mark.parametrize("method", ["predict", "futures"])
def test_no_future_is_refused(model, frames, method, name):
    with refused(UsageError, name, 1, 0):
        getattr(model, method)(frames, **{"horizon": 2, "samples": 2, name: 0})


def test_a_video_may_be_given_in_any_form(model, frames, tmp_path):
    expected, _ = model.observe(frames)
    as_tensor = torch.from_numpy(frames).movedim(-1, 1) / 255
    for form in (frames[None], as_tensor, as_tensor[None], as_tensor.double()):
        # Another order in memory, and convolutions sum in another order.
        assert_same_trace(model.observe(form)[0], expected, 1e-4)
    write_video(tmp_path / "a.mp4", frames.repeat(2, axis=1).repeat(3, axis=2), 10)
    read, fps = model.read(tmp_path / "a.mp4")
    assert read.shape == frames.shape and read.dtype == np.uint8 and fps == 10
    assert_same_trace(model.observe(str(tmp_path / "a.mp4"))[0], model.observe(read)[0], 0)
    assert len(model.read(tmp_path / "a.mp4", frames=4)[0]) == 4
    pieces = list(model.pieces(model.open(tmp_path / "a.mp4"), 10))
    assert max(map(len, pieces)) == 10 and np.array_equal(np.concatenate(pieces), read)


@pytest.mark.parametrize(
    "given, found",
    [
        (np.zeros((4, 16, 16, 3)), ("uint8", "float64", (4, 16, 16, 3))),
        (np.zeros((16, 16, 3), np.uint8), ("uint8", (16, 16, 3))),
        (np.zeros((4, 32, 16, 3), np.uint8), ((3, 16, 16), (3, 32, 16))),
        (np.zeros((4, 16, 16, 1), np.uint8), ((3, 16, 16), (1, 16, 16))),
        (torch.zeros(4, 3, 16, 16, dtype=torch.uint8), ([0, 1], "torch.uint8")),
        (torch.full((4, 3, 16, 16), 255.0), ([0, 1], 255)),
        (torch.full((4, 3, 16, 16), torch.nan), (3072,)),
        (torch.zeros(3, 16, 16), ((3, 16, 16),)),
    ],
)
def test_frames_that_a_model_cannot_take_are_refused(model, given, found):
    with refused(VideoError, *found):
        model.predict(given, horizon=1, samples=1)
    with refused(VideoError, *found):
        model.events(given)


def test_a_grey_model_reads_a_file_as_grey(frames, tmp_path):
    config = DLHConfig(channels=1, height=16, width=16, convolution_channels=(2, 2, 2, 2))
    write_video(tmp_path / "a.mp4", frames, 10)
    grey = DLH(DynamicLatentHierarchy(config))
    assert grey.read(tmp_path / "a.mp4")[0].shape[-1] == 1
    assert grey.predict(tmp_path / "a.mp4", horizon=1, samples=1).frames.shape[3] == 1
