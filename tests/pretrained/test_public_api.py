"""What researchers reach for: futures as states, decoding, reconstruction, features, the bound."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import dlh
from dlh import DLH, TrainedModel, VideoFeatures
from dlh.data.video.encode import write_video
from dlh.errors import UsageError
from dlh.models import registry
from dlh.pretrained import UnsupportedError, of_network
from dlh.pretrained import trained_model as public
from dlh.runs.cwvae_presets import tiny_cwvae
from dlh.runs.lmc_presets import tiny_lmc
from dlh.runs.presets import tiny, tiny_flat
from dlh.runs.vta_presets import tiny_vta
from dlh.training.errors import TrainingError
from dlh.video import VideoError
from documentation import ROOT, section_of
from refusals import refused
from small_models import changing_model

CONFIG = tiny().model


@pytest.fixture(scope="module")
def model() -> DLH:
    return DLH(changing_model(CONFIG))


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (6, 16, 16, 3), dtype=np.uint8)
    return pictures.repeat(random.integers(1, 5, 6), axis=0)


def test_imagined_states_decode_to_the_predicted_frames(model, frames):
    batch = np.stack([frames[:8], frames[4:12]])
    asked = {"horizon": 5, "samples": 3, "seed": 7, "temperature": 0.5}
    drawn = model.imagine(batch, **asked)
    assert drawn.state.shape == (6, 5, CONFIG.num_levels, CONFIG.state_size)
    predicted = model.predict(batch, **asked)
    torch.testing.assert_close(model.decode(drawn.state), predicted.frames.flatten(0, 1))
    assert torch.equal(drawn.changed, predicted.changed.flatten(0, 1))
    for wrong in (drawn.state[..., 1:], drawn.state[..., 0, :], drawn.state[0, 0, 0, 0]):
        with refused(UsageError, CONFIG.num_levels, CONFIG.state_size, tuple(wrong.shape)):
            model.decode(wrong)


def test_a_stream_branches_where_it_is(model, frames):
    _, stream = model.observe(frames)
    one, other = (model.imagine(stream, horizon=4, samples=2, seed=seed) for seed in (0, 1))
    again = model.imagine(stream, horizon=4, samples=2, seed=0)
    assert torch.equal(one.state, again.state) and not torch.equal(one.state, other.state)
    frozen = model.imagine(
        stream, horizon=4, samples=2, seed=0, temperature=0, decision_temperature=0
    )
    assert torch.equal(frozen.state[0], frozen.state[1])
    with refused(UsageError, "samples", 0):
        model.imagine(stream, samples=0)


def test_a_reconstruction_is_what_was_inferred_decoded(model, frames):
    trace, _ = model.observe(frames, seed=2)
    expected = model.model.decode(trace.frame_context).clamp(0, 1)
    found = model.reconstruct(frames, seed=2)
    assert found.shape == (1, len(frames), 3, 16, 16)
    torch.testing.assert_close(found, expected)
    exchanged = trace.state[0, [3, 3]].clone()
    exchanged[1, 1] = trace.state[0, 9, 1]
    one, other = model.decode(exchanged)
    torch.testing.assert_close(one, expected[0, 3])
    assert not torch.allclose(one, other)


@pytest.mark.parametrize("preset", [tiny, tiny_flat, tiny_cwvae, tiny_vta, tiny_lmc])
def test_the_bound_of_the_frames_is_that_of_the_clip(preset, frames):
    config = preset().model
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        opened = of_network(registry.build(config))
    clips = np.stack([frames[:12], frames[:12, ::-1]])
    if config.kind == "lmc":
        with pytest.raises(UnsupportedError) as raised:
            opened.elbo(clips)
        assert (raised.value.kind, raised.value.asked) == ("lmc", "elbo")
        return
    found = opened.elbo(clips, seed=1)
    generator = torch.Generator().manual_seed(1)
    whole = opened.model.objective(opened.as_video(clips), generator=generator).elbo
    assert found.shape[0] == 2 and found.shape[1] <= 12 and not found.requires_grad
    torch.testing.assert_close(found.sum(1), whole, rtol=1e-5, atol=1e-2)


def test_features_are_the_posteriors_and_read_nothing_ahead(model, frames, tmp_path, monkeypatch):
    monkeypatch.setattr(public, "FRAMES_AT_ONCE", 4)
    whole = model.features(frames)
    assert whole.shape == (len(frames), CONFIG.num_levels * CONFIG.state_size)
    assert whole.dtype == np.float32
    trace, _ = model.observe(frames)
    np.testing.assert_allclose(whole, trace.posterior.mean[0].flatten(1), atol=1e-4)
    np.testing.assert_allclose(whole[:7], model.features(frames[:7]), atol=1e-4)
    top = model.features(iter([frames[:5], frames[5:]]), levels=[2])
    np.testing.assert_allclose(top, whole[:, CONFIG.state_size :], atol=1e-4)
    write_video(tmp_path / "a.mp4", frames, 5)
    assert model.features(tmp_path / "a.mp4").shape == whole.shape
    for levels in ([0], [1, 3], []):
        with refused(UsageError, 2, levels):
            model.features(frames, levels=levels)
    with refused(VideoError, 2):
        model.features(np.stack([frames] * 2))
    with refused(VideoError, "none"):
        model.features(iter([]))


def test_videos_become_rows_of_a_classifier(model, frames, tmp_path):
    base = pytest.importorskip("sklearn.base")
    linear_model = pytest.importorskip("sklearn.linear_model")
    pipeline = pytest.importorskip("sklearn.pipeline")
    model.save_pretrained(tmp_path / "m")
    videos = [frames[:6], frames[6:9], frames[9:]]
    transformer = VideoFeatures(tmp_path / "m", levels=[2], pool="last")
    rows = base.clone(transformer).fit(videos).transform(videos)
    np.testing.assert_array_equal(rows, [model.features(video, levels=[2])[-1] for video in videos])
    mean = transformer.set_params(pool="mean", model=model).fit_transform(videos)
    np.testing.assert_allclose(mean[1], model.features(videos[1], levels=[2]).mean(0), rtol=1e-5)
    classifier = pipeline.make_pipeline(transformer, linear_model.LogisticRegression(C=1e4))
    assert list(classifier.fit(videos, [0, 1, 1]).predict(videos)) == [0, 1, 1]
    assert "VideoFeatures" in repr(classifier)


def test_the_transformer_needs_no_scikit_learn(model, frames):
    program = (
        "import sys; sys.modules['sklearn'] = None\n"
        "import dlh, numpy as np\n"
        "rows = dlh.VideoFeatures('moving-ball').fit_transform(np.zeros((2, 3, 32, 32, 3), 'u1'))\n"
        "assert rows.shape[0] == 2 and np.array_equal(rows[0], rows[1])"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=300)
    for wrong, value in (({"pool": "max"}, "max"), ({"levels": [9]}, 9)):
        with refused(UsageError, value):
            VideoFeatures(model, **wrong).transform([frames])
    with refused(UsageError, "pool", "depth"):
        VideoFeatures(model).set_params(depth=3)
    with refused(UsageError, "none"):
        VideoFeatures(model).transform([])


def test_a_list_of_frames_is_a_video(model, frames):
    expected = model.features(frames)
    as_tensors = [torch.from_numpy(one).movedim(-1, 0) / 255 for one in frames]
    for given in (list(frames), [Image.fromarray(one) for one in frames], as_tensors):
        np.testing.assert_allclose(model.features(given), expected, atol=1e-4)
        assert model.predict(given, horizon=1, samples=1).frames.shape[2] == 1
    found, same = model.events(list(frames)), model.events([frames[:9], frames[9:]])
    assert found.frames == len(frames) and found.levels[1].changed == same.levels[1].changed
    grey = DLH(registry.build(type(CONFIG)(channels=1, height=16, width=16)))
    assert len(grey.features([Image.fromarray(one) for one in frames[:2]])) == 2
    for wrong, values in (
        ([], ("none",)),
        ([frames[0], frames[1][1:]], ((16, 16, 3), (15, 16, 3))),
        ([frames[0], as_tensors[0]], ("ndarray", "Tensor")),
        (["a.png"], ("str",)),
        ([frames[:2], frames[2:4]], ((2, 16, 16, 3),)),
        ([frames[0].astype(float)], ("float64",)),
        (frames[:0], ((1, 0, 3, 16, 16),)),
        (frames[:, 1:], ((3, 15, 16),)),
    ):
        with refused(VideoError, *values):
            model.predict(wrong, horizon=1, samples=1)
        with refused(VideoError, *values):
            model.observe(wrong)
    with refused(UsageError, 0):
        model.events(frames, fps=0)


def test_a_device_that_is_not_there_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for name in ("cuda", "cuda:1", torch.device("cuda"), "gpu"):
        with refused(TrainingError, str(name)) as raised:
            dlh.open_model("moving-ball", device=name)
        assert len(str(raised.value).splitlines()) == 1
    assert dlh.open_model("moving-ball", device="auto").device == torch.device("cpu")


def test_what_is_printed_is_short_and_says_sizes(model, frames):
    assert all(value in repr(model) for value in ("DLH", "2 levels", "16 x 16 x 3", "cpu"))
    flat = of_network(registry.build(tiny_flat().model))
    assert "TrainedModel(flat" in repr(flat)
    trace, stream = model.observe(frames)
    printed = (trace, stream, model.predict(frames, horizon=2, samples=3), model.events(frames))
    for one in printed:
        assert len(repr(one)) < 1000, repr(one)[:200]
    assert str(tuple(trace.state.shape)) in repr(trace)
    assert "(1, 3, 2, 3, 16, 16)" in repr(printed[2])


def test_what_is_public_is_listed():
    page = section_of("What is public", "docs/python.md")
    listed = set()
    for entry in re.findall(r"^- (.+(?:\n  .+)*)", page, re.MULTILINE):
        name, *members = re.findall(r"`(\w+)`", entry)
        listed |= {name} | {f"{name}.{member}" for member in members}
    methods = {
        f"{kind.__name__}.{name}"
        for kind in (TrainedModel, DLH, VideoFeatures)
        for name, value in vars(kind).items()
        if not name.startswith("_") and not hasattr(kind.__mro__[1], name)
    }
    assert listed == {name for name in dlh.__all__ if name != "__version__"} | methods
    for name in dlh.__all__:
        assert getattr(dlh, name) is not None
    assert (Path(ROOT) / "CONTRIBUTING.md").read_text().count("docs/python.md")
