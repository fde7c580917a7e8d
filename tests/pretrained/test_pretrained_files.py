"""Models in folders, shipped, and on the hub: found by name, refused where damaged, uploaded."""

from __future__ import annotations

import errno
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
from refusals import refused
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


def test_of_several_versions_the_newest_has_the_name(workspace, monkeypatch):
    monkeypatch.setattr(files, "SHIPPED", workspace / "shipped")
    for version in ("0.9", "0.10", "0.2"):
        Path(f"shipped/ball@{version}").mkdir(parents=True)
    Path("shipped/balloon@1").mkdir()
    assert files.find("ball").name == "ball@0.10"
    assert files.find("ball@0.2").name == "ball@0.2"
    with refused(PretrainedError, "ball@0.3", "ball@0.10"):
        files.find("ball@0.3")


@pytest.mark.parametrize(
    "name, found",
    [
        ("balls", ("'balls'", "ball")),
        ("runs/dem0", ("'runs/dem0'", "runs/demo", "hub")),
        ("a/b/c", ("'a/b/c'",)),
        ("./ball2", ("'./ball2'",)),
        ("file", ("file", "model.safetensors")),
        ("runs", ("runs", "config.json")),
        ("runs/demo", ("runs/demo", "model.safetensors")),
    ],
)
def test_a_name_that_leads_nowhere_says_what_would(workspace, monkeypatch, name, found):
    monkeypatch.setattr(files, "SHIPPED", workspace / "shipped")
    for folder in ("runs/demo", "ball", "shipped/moving-ball"):
        Path(folder).mkdir(parents=True)
    Path("runs/demo/experiment.json").touch()
    Path("file").touch()
    with refused(PretrainedError, *found):
        DLH.from_pretrained(name)


def edit(folder: Path, **changes) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def cut(path: Path, length: int) -> None:
    path.write_bytes(path.read_bytes()[:length])


@pytest.mark.parametrize(
    "damage, found",
    [
        (lambda f: (f / "config.json").write_text("{"), ("config.json", "JSON")),
        (lambda f: (f / "config.json").write_bytes(b"\xff"), ("config.json", "JSON")),
        (
            lambda f: edit(f, format="cwvae"),
            ("config.json", "'dlh'"),
        ),
        (
            lambda f: edit(f, version=2),
            (2, 1),
        ),
        (
            lambda f: edit(f, model=to_plain(CONFIG) | {"num_level": 3}),
            ("model.num_level", "num_levels"),
        ),
        (lambda f: edit(f, model={"height": 16}), ("model.channels", "model.width")),
        (
            lambda f: edit(f, model=to_plain(CONFIG) | {"height": 17}),
            ("height", 16, 17),
        ),
        (
            lambda f: edit(f, model=to_plain(CONFIG) | {"state_size": 9}),
            ("config.json", "levels.0"),
        ),
        (lambda f: cut(f / "model.safetensors", 5000), ("model.safetensors",)),
        (lambda f: cut(f / "model.safetensors", 0), ("model.safetensors",)),
        (lambda f: (f / "model.safetensors").unlink(), ("model.safetensors",)),
    ],
)
def test_files_that_are_damaged_or_of_another_kind_are_refused(model, tmp_path, damage, found):
    model.save_pretrained(tmp_path)
    damage(tmp_path)
    with refused(PretrainedError, *found):
        DLH.from_pretrained(tmp_path)


def test_a_folder_holds_a_model_where_both_files_are(model, tmp_path):
    model.save_pretrained(tmp_path)
    assert files.holds_model(tmp_path)
    for name in (files.CONFIG_NAME, files.WEIGHTS_NAME):
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).unlink()
        assert not files.holds_model(tmp_path)
        (tmp_path / name).write_bytes(content)


def test_a_model_that_cannot_be_written_says_where(model, tmp_path):
    (tmp_path / "file").touch()
    with refused(PretrainedError, tmp_path / "file/folder", os.strerror(errno.ENOTDIR)):
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
    with refused(PretrainedError, "owner/unknown", "no route"):
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
    with refused(PretrainedError, "owner/forbidden", 401):
        model.push_to_hub("owner/forbidden")


def test_weights_of_any_layout_are_written(tmp_path):
    model = DynamicLatentHierarchy(CONFIG).to(memory_format=torch.channels_last)
    files.write_model(tmp_path, model)
    for name, value in files.read_model(tmp_path).state_dict().items():
        assert torch.equal(value, model.state_dict()[name])
