from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from dlh import DLH
from dlh.data.encode import write_video
from dlh.experiments.presets import tiny
from dlh.model import DLHConfig, DynamicLatentHierarchy
from dlh.pretrained import PretrainedError, files, lookup
from dlh.pretrained import dlh as public
from dlh.settings import to_plain
from dlh.video import VideoError
from small_models import lively_model

CONFIG = tiny().model


def changing_model(seed: int = 1) -> DynamicLatentHierarchy:
    """Of the sizes of the tiny preset, float32, its level 2 sometimes changes, sometimes not."""
    model = DynamicLatentHierarchy(CONFIG)
    model.load_state_dict(lively_model(CONFIG, seed=seed).float().state_dict())
    return model


@pytest.fixture(scope="module")
def model() -> DLH:
    return DLH(changing_model())


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
    with pytest.raises(VideoError, match="the stream is one of 1 videos, found a piece of 2"):
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
    with pytest.raises(VideoError, match="a change needs at least 2 frames, found 1"):
        model.events(frames[:1])
    with pytest.raises(VideoError, match="a change needs at least 2 frames, found 0"):
        model.events(iter([]))
    with pytest.raises(VideoError, match="events are those of one video, found a batch of 2"):
        model.events(np.stack([frames[:5]] * 2))


def test_a_trace_kept_for_events_holds_nothing_large(model, frames):
    trace, _ = model.observe(frames)
    kept = public._decisions(trace)
    assert kept.memory.numel() == kept.context.numel() == kept.frame_context.numel() == 0
    for name in ("changed", "change_logit", "static_divergence"):
        mine = getattr(kept, name)
        assert torch.equal(mine, getattr(trace, name))
        assert mine.untyped_storage().nbytes() == mine.numel() * mine.element_size()


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
    with pytest.raises(ValueError, match=f"{name} is at least 1, found 0"):
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
    "given, said",
    [
        (np.zeros((4, 16, 16, 3)), r"uint8 \(time, height, width, channel\), found float64 of sha"),
        (np.zeros((16, 16, 3), np.uint8), "stored frames are uint8 of shape"),
        (np.zeros((4, 32, 16, 3), np.uint8), r"\(3, 16, 16\), found \(3, 32, 16\); resize the vi"),
        (np.zeros((4, 16, 16, 1), np.uint8), r"\(3, 16, 16\), found \(1, 16, 16\)"),
        (torch.zeros(4, 3, 16, 16, dtype=torch.uint8), "float in .0, 1., found torch.uint8"),
        (torch.full((4, 3, 16, 16), 255.0), "lies in .0, 1., found values from 255 to 255; divide"),
        (torch.full((4, 3, 16, 16), torch.nan), "a video is finite, found 3072 values that are Na"),
        (torch.zeros(3, 16, 16), "a video has axes"),
    ],
)
def test_frames_that_a_model_cannot_take_are_refused(model, given, said):
    with pytest.raises(VideoError, match=said):
        model.predict(given, horizon=1, samples=1)
    with pytest.raises(VideoError, match=said):
        model.events(given)


def test_a_name_is_a_folder_first_then_a_shipped_model_then_the_hub(model, workspace, monkeypatch):
    asked = []

    class Hub:
        def model_info(self, name, timeout):
            asked.append(name)

    def download(name, file, local_files_only):
        assert not local_files_only
        return str(Path("downloaded") / file)

    monkeypatch.setattr("huggingface_hub.HfApi", Hub)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    monkeypatch.setattr(lookup, "SHIPPED", workspace / "shipped")
    for seed, place in enumerate(("downloaded", "shipped/own/er", "shipped/ball", "ball")):
        DLH(changing_model(seed)).save_pretrained(place)

    def seed_of(name) -> int:
        weight = next(DLH.from_pretrained(name).model.parameters())
        return next(s for s in range(4) if weight.equal(next(changing_model(s).parameters())))

    assert (seed_of("ball"), seed_of(Path("ball"))) == (3, 3)
    for file in Path("ball").iterdir():
        file.unlink()
    Path("ball").rmdir()
    assert seed_of("ball") == 2 and asked == []
    assert seed_of("owner/ball") == 0 and asked == ["owner/ball"]


@pytest.mark.parametrize(
    "name, said",
    [
        (
            "balls",
            r"no folder 'balls' \(did you mean ball\?\); name the folder of a finished run, a",
        ),
        (
            "runs/dem0",
            r"no folder 'runs/dem0' \(did you mean runs/demo\?\), and the hub gave no mo",
        ),
        ("a/b/c", "there is no folder 'a/b/c'; name the folder of a finished run, a shipped model"),
        ("./ball2", "there is no folder './ball2' "),
        ("file", "file is a file; name the folder that holds model.safetensors"),
        ("runs", "runs holds no model: it has no config.json; name the folder of a finished run"),
        ("runs/demo", "the run in runs/demo is not finished, it has no model.safetensors yet; go"),
    ],
)
def test_a_name_that_leads_nowhere_says_what_would(workspace, monkeypatch, name, said):
    monkeypatch.setattr(lookup, "SHIPPED", workspace / "shipped")
    for folder in ("runs/demo", "ball", "shipped/moving-ball"):
        Path(folder).mkdir(parents=True)
    Path("runs/demo/experiment.json").touch()
    Path("file").touch()
    with pytest.raises(PretrainedError, match=said):
        DLH.from_pretrained(name)


def edit(folder: Path, **changes) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def cut(path: Path, length: int) -> None:
    path.write_bytes(path.read_bytes()[:length])


@pytest.mark.parametrize(
    "damage, said",
    [
        (lambda f: (f / "config.json").write_text("{"), "config.json is not JSON .*copy the model"),
        (lambda f: (f / "config.json").write_bytes(b"\xff"), "config.json is not JSON"),
        (
            lambda f: edit(f, format="cwvae"),
            "does not describe a dlh model: its format is not 'dlh",
        ),
        (
            lambda f: edit(f, version=2),
            "is of version 2, this dlh reads version 1; install the dlh",
        ),
        (
            lambda f: edit(f, model=to_plain(CONFIG) | {"num_level": 3}),
            "unknown setting model.num_level; did you mean num_levels.*; it was edited or is of",
        ),
        (lambda f: edit(f, model={"height": 16}), "missing setting model.channels, model.width"),
        (
            lambda f: edit(f, model=to_plain(CONFIG) | {"height": 17}),
            "model: height is a positive multiple of 16, found 17",
        ),
        (
            lambda f: edit(f, model=to_plain(CONFIG) | {"state_size": 9}),
            r"are not those of the config.json beside them: \d+ tensors differ, levels.0",
        ),
        (lambda f: cut(f / "model.safetensors", 5000), "are cut off or damaged .*copy them again"),
        (lambda f: cut(f / "model.safetensors", 0), "are cut off or damaged"),
        (lambda f: (f / "model.safetensors").unlink(), "has no model.safetensors: its weights are"),
    ],
)
def test_files_that_are_damaged_or_of_another_kind_are_refused(model, tmp_path, damage, said):
    model.save_pretrained(tmp_path)
    damage(tmp_path)
    with pytest.raises(PretrainedError, match=said):
        DLH.from_pretrained(tmp_path)


def test_a_model_that_cannot_be_written_says_where(model, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(PretrainedError, match="cannot write a model to .*file/folder: Not a dir"):
        model.save_pretrained(tmp_path / "file" / "folder")


def test_without_a_network_the_hub_fails_at_once_and_says_why(tmp_path):
    """A closed port in place of the hub: a download alone would try for half a minute."""
    code = (
        "import time; from dlh.pretrained.lookup import PretrainedError, find\n"
        "import huggingface_hub.file_download\n"
        "start = time.monotonic()\n"
        "try: find('owner/name')\n"
        "except PretrainedError as error: print(time.process_time(), time.monotonic() - start)\n"
        "print(error) if 0 else None\n"
    )
    code = code.replace("print(error) if 0 else None\n", "")
    environment = os.environ | {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "0"}
    environment |= {"HF_HOME": str(tmp_path), "NO_PROXY": "*"}
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split()[1]) < 20, (done.stdout, time.monotonic() - started)


def test_an_earlier_download_is_found_without_a_network(model, workspace, monkeypatch):
    model.save_pretrained("cached")

    class Hub:
        def model_info(self, name, timeout):
            raise ConnectionError("no route\nto the hub")

    def download(name, file, local_files_only):
        assert local_files_only
        if name == "owner/unknown":
            raise FileNotFoundError("not in the cache")
        return str(Path("cached") / file)

    monkeypatch.setattr("huggingface_hub.HfApi", Hub)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    assert DLH.from_pretrained("owner/known").config == CONFIG
    with pytest.raises(PretrainedError, match="gave no model of that name: no route$"):
        DLH.from_pretrained("owner/unknown")


def test_upload_brings_both_files_and_a_card(model, monkeypatch, tmp_path):
    done = SimpleNamespace(created=None, uploaded={})

    class Hub:
        def create_repo(self, name, *, private, exist_ok):
            if name == "owner/forbidden":
                raise PermissionError("401\nlog in")
            done.created = (name, private, exist_ok)

        def upload_folder(self, *, repo_id, folder_path):
            done.uploaded = {path.name: path.read_bytes() for path in Path(folder_path).iterdir()}

    monkeypatch.setattr("huggingface_hub.HfApi", Hub)
    model.push_to_hub("owner/name", private=True)
    assert done.created == ("owner/name", True, True)
    assert set(done.uploaded) == {"README.md", "config.json", "model.safetensors"}
    card = done.uploaded["README.md"].decode()
    assert 'DLH.from_pretrained("owner/name")' in card and "2 levels" in card
    for name, content in done.uploaded.items():
        (tmp_path / name).write_bytes(content)
    assert DLH.from_pretrained(tmp_path).config == model.config
    with pytest.raises(PretrainedError, match="cannot upload owner/forbidden: 401; log in with"):
        model.push_to_hub("owner/forbidden")


def test_weights_of_any_layout_are_written(tmp_path):
    model = DynamicLatentHierarchy(CONFIG).to(memory_format=torch.channels_last)
    files.write_model(tmp_path, model)
    for name, value in files.read_model(tmp_path).state_dict().items():
        assert torch.equal(value, model.state_dict()[name])


def test_a_grey_model_reads_a_file_as_grey(frames, tmp_path):
    config = DLHConfig(channels=1, height=16, width=16, convolution_channels=(2, 2, 2, 2))
    write_video(tmp_path / "a.mp4", frames, 10)
    grey = DLH(DynamicLatentHierarchy(config))
    assert grey.read(tmp_path / "a.mp4")[0].shape[-1] == 1
    assert grey.predict(tmp_path / "a.mp4", horizon=1, samples=1).frames.shape[3] == 1
