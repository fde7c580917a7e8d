"""Small data sets as LeRobot writes them: films whose pixels tell the episode and the step."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from dlh.data.video.encode import write_video

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
