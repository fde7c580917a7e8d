"""Data sets of LeRobot and Minari: every episode comes out, the rest is ignored and said so."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dlh.data.clips import DataError
from dlh.data.store.folder import import_folder
from dlh.data.store.store import Store
from dlh.data.video.encode import write_video
from refusals import refused

SIZE = {"height": 16, "width": 16, "channels": 3}
FPS = 10
LENGTHS = (9, 6, 12)
CAMERAS = ("observation.images.top", "observation.images.wrist")


def episode(number: int, camera: int = 0) -> np.ndarray:
    """Frames whose brightness tells the episode, the camera and the step."""
    steps = np.arange(LENGTHS[number])
    frames = np.zeros((len(steps), 16, 16, 3), np.uint8)
    frames[..., 0] = 40 + 70 * number
    frames[..., 1] = 15 * steps[:, None, None]
    frames[..., 2] = 200 * camera
    return frames


def imported(root: Path, tmp_path: Path, **options) -> tuple[dict[str, np.ndarray], object]:
    report = import_folder(root, tmp_path / "store", **{**SIZE, **options})
    store = Store.open(tmp_path / "store")
    clips = {v.source: np.asarray(store.frames(v)) for v in store.videos}
    return clips, report


def same(found: np.ndarray, expected: np.ndarray, tolerance: int = 6) -> bool:
    return found.shape == expected.shape and bool(
        (np.abs(found.astype(int) - expected.astype(int)).mean((1, 2)) < tolerance).all()
    )


def write_info(root: Path, version: str, kind: str, **paths: str) -> None:
    features = {camera: {"dtype": kind, "shape": [16, 16, 3]} for camera in CAMERAS}
    features["action"] = {"dtype": "float32", "shape": [7]}
    info = {"codebase_version": version, "fps": FPS, "features": features, "chunks_size": 1000}
    (root / "meta").mkdir(parents=True)
    (root / "meta/info.json").write_text(json.dumps(info | paths))


def write_episode_lines(root: Path) -> None:
    lines = [json.dumps({"episode_index": n, "length": size}) for n, size in enumerate(LENGTHS)]
    (root / "meta/episodes.jsonl").write_text("\n".join(lines))


def lerobot_2(root: Path) -> Path:
    write_info(
        root,
        "v2.1",
        "video",
        data_path="data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet",
        video_path="videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4",
    )
    write_episode_lines(root)
    for number in range(len(LENGTHS)):
        for index, camera in enumerate(CAMERAS):
            path = root / f"videos/chunk-000/{camera}/episode_{number:06d}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_video(path, episode(number, index), FPS)
    return root


def lerobot_3(root: Path) -> Path:
    pytest.importorskip("pyarrow")
    import pyarrow
    from pyarrow import parquet

    write_info(
        root,
        "v3.0",
        "video",
        data_path="data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        video_path="videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4",
    )
    ends = np.cumsum(LENGTHS) / FPS
    rows = {
        "episode_index": list(range(3)),
        "length": list(LENGTHS),
        "data/chunk_index": [0] * 3,
        "data/file_index": [0] * 3,
    }
    for index, camera in enumerate(CAMERAS):
        rows |= {
            f"videos/{camera}/chunk_index": [0] * 3,
            f"videos/{camera}/file_index": [0] * 3,
            f"videos/{camera}/from_timestamp": [0.0, *ends[:-1]],
            f"videos/{camera}/to_timestamp": list(ends),
        }
        path = root / f"videos/{camera}/chunk-000/file-000.mp4"
        path.parent.mkdir(parents=True)
        write_video(path, np.concatenate([episode(n, index) for n in range(3)]), FPS)
    table = root / "meta/episodes/chunk-000/file-000.parquet"
    table.parent.mkdir(parents=True)
    parquet.write_table(pyarrow.table(rows), table)
    return root


def lerobot_pictures(root: Path) -> Path:
    pytest.importorskip("pyarrow")
    import pyarrow
    from pyarrow import parquet

    write_info(
        root,
        "v2.0",
        "image",
        data_path="data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet",
    )
    write_episode_lines(root)
    for number, length in enumerate(LENGTHS):
        columns = {"episode_index": [number] * length, "action": [[0.0] * 7] * length}
        for index, camera in enumerate(CAMERAS):
            pictures = []
            for frame in episode(number, index):
                buffer = io.BytesIO()
                Image.fromarray(frame).save(buffer, format="PNG")
                pictures.append({"bytes": buffer.getvalue(), "path": None})
            columns[camera] = pictures
        path = root / f"data/chunk-000/episode_{number:06d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        parquet.write_table(pyarrow.table(columns), path)
    return root


@pytest.mark.parametrize("write", [lerobot_2, lerobot_3, lerobot_pictures])
def test_every_episode_of_lerobot_is_a_video(tmp_path, write):
    root = write(tmp_path / "robot")
    clips, report = imported(root, tmp_path)
    assert sorted(clips) == [f"episode_{n:06d}" for n in range(3)]
    for number in range(3):
        assert same(clips[f"episode_{number:06d}"], episode(number))
    assert {video.fps for video in report.videos} == {FPS}
    said = "\n".join(note for video in report.videos for note in video.notes)
    assert CAMERAS[0] in said and CAMERAS[1] in said and "actions" in said
    assert len([video for video in report.videos if video.notes]) == 1


@pytest.mark.parametrize("write", [lerobot_2, lerobot_3, lerobot_pictures])
def test_the_other_camera_is_read_by_its_name_and_retimed(tmp_path, write):
    from dlh.data.video.arrays import ArrayForm

    root = write(tmp_path / "robot")
    clips, _ = imported(root, tmp_path, form=ArrayForm(key="wrist"), fps=FPS / 3)
    for number in range(3):
        assert same(clips[f"episode_{number:06d}"], episode(number, 1)[::3])
    with refused(DataError, "'left'", *CAMERAS[:1], code="no-key"):
        import_folder(root, tmp_path / "other", **SIZE, form=ArrayForm(key="left"))


def test_a_damaged_data_set_of_lerobot_says_what_is_wrong(tmp_path):
    root = lerobot_2(tmp_path / "robot")
    (root / f"videos/chunk-000/{CAMERAS[0]}/episode_000001.mp4").write_bytes(b"no film")
    clips, report = imported(root, tmp_path)
    assert sorted(clips) == ["episode_000000", "episode_000002"]
    assert [skipped.source for skipped in report.skipped] == ["episode_000001"]
    info = json.loads((root / "meta/info.json").read_text())
    for change, values in (
        ({"codebase_version": "v1.6"}, ("v1.6",)),
        ({"video_path": "../{episode_index}.mp4"}, ("'../0.mp4'",)),
        ({"video_path": "{nothing}.mp4"}, ("'{nothing}.mp4'",)),
        ({"features": {"action": {"dtype": "float32"}}}, ("action",)),
        ({"fps": None}, ("info.json",)),
    ):
        (root / "meta/info.json").write_text(json.dumps(info | change))
        with refused(DataError, *values):
            import_folder(root, tmp_path / "other", **SIZE)


@pytest.fixture
def minari_data(tmp_path, monkeypatch):
    """Writes a data set of Minari: (a name, observations of each episode, their space)."""
    minari = pytest.importorskip("minari")
    from gymnasium import spaces
    from minari.data_collector import EpisodeBuffer

    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))

    def write(name, observations, space):
        buffers = [
            EpisodeBuffer(
                observations=each,
                actions=np.zeros((length - 1, 2), np.float32),
                rewards=np.zeros(length - 1),
                terminations=np.zeros(length - 1, bool),
                truncations=np.arange(length - 1) == length - 2,
            )
            for each, length in zip(observations, LENGTHS, strict=True)
        ]
        minari.create_dataset_from_buffers(
            name, buffers, observation_space=space, action_space=spaces.Box(-1, 1, (2,), np.float32)
        )
        return tmp_path / "minari" / name

    return write


@pytest.mark.filterwarnings("ignore")
def test_every_episode_of_minari_is_a_video(tmp_path, minari_data):
    from gymnasium import spaces

    pixels = spaces.Box(0, 255, (16, 16, 3), np.uint8)
    root = minari_data("test/plain-v0", [episode(n) for n in range(3)], pixels)
    clips, report = imported(root, tmp_path)
    for number in range(3):
        np.testing.assert_array_equal(clips[f"episode_{number:06d}"], episode(number))
    said = "\n".join(note for video in report.videos for note in video.notes)
    assert "Minari" in said and "actions" in said


@pytest.mark.filterwarnings("ignore")
def test_frames_among_other_observations_of_minari_are_found_or_named(tmp_path, minari_data):
    from gymnasium import spaces

    from dlh.data.video.arrays import ArrayForm

    pixels = spaces.Box(0, 255, (16, 16, 3), np.uint8)
    space = spaces.Dict(
        {"image": pixels, "wrist": pixels, "joints": spaces.Box(-1, 1, (4,), np.float32)}
    )
    root = minari_data(
        "test/dict-v0",
        [
            {
                "image": episode(n),
                "wrist": episode(n, 1),
                "joints": np.zeros((LENGTHS[n], 4), np.float32),
            }
            for n in range(3)
        ],
        space,
    )
    clips, report = imported(root, tmp_path)
    np.testing.assert_array_equal(clips["episode_000002"], episode(2))
    assert any("wrist" in note for video in report.videos for note in video.notes)
    report = import_folder(root, tmp_path / "wrist", **SIZE, form=ArrayForm(key="wrist"))
    store = Store.open(tmp_path / "wrist")
    video = next(video for video in store.videos if video.source == "episode_000001")
    np.testing.assert_array_equal(store.frames(video), episode(1, 1))
    with refused(DataError, "'left'", code="no-key"):
        import_folder(root, tmp_path / "other", **SIZE, form=ArrayForm(key="left"))


def test_what_is_not_installed_is_named(tmp_path, monkeypatch):
    import sys

    root = lerobot_3(tmp_path / "robot")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with refused(DataError, "dlh[lerobot]", code="missing-extra"):
        import_folder(root, tmp_path / "store", **SIZE)
    (tmp_path / "m" / "data").mkdir(parents=True)
    (tmp_path / "m/data/metadata.json").write_text("{}")
    monkeypatch.setitem(sys.modules, "minari", None)
    with refused(DataError, "dlh[minari]", code="missing-extra"):
        import_folder(tmp_path / "m", tmp_path / "store", **SIZE)
