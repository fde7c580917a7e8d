"""Models in folders, shipped, and on the hub: found by name, refused where damaged, uploaded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from dlh import DLH
from dlh.models.dlh import DynamicLatentHierarchy
from dlh.pretrained import PretrainedError, files
from dlh.runs.presets import tiny
from dlh.settings import to_plain
from small_models import changing_model

CONFIG = tiny().model


@pytest.fixture(scope="module")
def model() -> DLH:
    return DLH(changing_model(CONFIG))


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
    monkeypatch.setattr(files, "SHIPPED", workspace / "shipped")
    for seed, place in enumerate(("downloaded", "shipped/own/er", "shipped/ball", "ball")):
        DLH(changing_model(CONFIG, seed)).save_pretrained(place)

    def seed_of(name) -> int:
        weight = next(DLH.from_pretrained(name).model.parameters())
        return next(
            s for s in range(4) if weight.equal(next(changing_model(CONFIG, s).parameters()))
        )

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
    monkeypatch.setattr(files, "SHIPPED", workspace / "shipped")
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
        "import time; from dlh.pretrained.files import PretrainedError, find\n"
        "import huggingface_hub.file_download\n"
        "start = time.monotonic()\n"
        "try: find('owner/name')\n"
        "except PretrainedError as error: print(time.process_time(), time.monotonic() - start)\n"
    )
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
    assert 'dlh.open_model("owner/name")' in card and "`dlh`" in card
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
