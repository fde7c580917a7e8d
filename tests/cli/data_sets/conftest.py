"""Published data sets, small and from a web server of this machine."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from pathlib import Path

import pytest

import published
from dlh.data.fetch.remote import Remote
from dlh.data.published.catalogue import CATALOGUE
from dlh.data.published.kth import ACTIONS
from local_server import LocalServer

PEOPLE = (1, 19, 21)


@pytest.fixture
def server() -> Generator[LocalServer]:
    with LocalServer().running() as running:
        yield running


@pytest.fixture(autouse=True)
def mirrors(server: LocalServer, monkeypatch: pytest.MonkeyPatch, workspace: Path) -> None:
    """Every file comes from the local server, and nothing from anywhere else."""
    monkeypatch.delenv("DLH_DATA", raising=False)
    for name, data_set in CATALOGUE.items():

        def local(remote: Remote, name: str = name) -> Remote:
            return Remote(file=remote.file, mirrors=(f"{server.url}/{name}/{remote.file}",))

        parts = tuple(
            dataclasses.replace(part, remotes=tuple(map(local, part.remotes)))
            for part in data_set.parts
        )
        also = tuple(map(local, data_set.also))
        changed = dataclasses.replace(data_set, parts=parts, also=also)
        monkeypatch.setitem(CATALOGUE, name, changed)


@pytest.fixture(scope="session")
def kth_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of each action a folder with a video of three persons, and the list of frames."""
    folder = tmp_path_factory.mktemp("kth")
    lines = []
    for place, action in enumerate(ACTIONS):
        for person in PEOPLE:
            name, length = f"person{person:02}_{action}_d1", 12 + place
            frames = published.textured(length, height=120, width=160, seed=100 * place + person)
            published.write_avi(folder / action / f"{name}_uncomp.avi", frames)
            lines.append(f"{name}\t\tframes\t1-5, 6-{length}")
    (folder / "00sequences.txt").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def served_kth(server: LocalServer, kth_files: Path) -> Path:
    for action in ACTIONS:
        server.files[f"/kth/{action}.zip"] = published.zipped(kth_files / action)
    server.files["/kth/00sequences.txt"] = (kth_files / "00sequences.txt").read_bytes()
    return kth_files
