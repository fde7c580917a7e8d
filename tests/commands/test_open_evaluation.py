"""What a request for an evaluation comes to: its protocol, its model, its clips."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dlh import DLH
from dlh.commands.evaluate import open_evaluation
from dlh.commands.options import EvaluateOptions
from dlh.data.clips import DataError
from dlh.data.named.manifest import name_clips
from dlh.data.store.folder import import_folder
from dlh.data.worlds.moving_ball import MovingBall
from dlh.evaluation.protocol import protocol_numbers
from dlh.models.dlh import DynamicLatentHierarchy
from dlh.pretrained.files import find
from dlh.runs.presets import tiny
from dlh.video import to_stored
from refusals import refused
from reproduction.publish import shipped_ball


def test_the_papers_protocol():
    paper = protocol_numbers("paper")
    assert (paper.context, paper.horizon, paper.samples) == (30, 300, 100)
    assert protocol_numbers("paper", of_mazes=True).horizon == 200
    assert protocol_numbers("demo", of_mazes=True).horizon == 100


def test_mazes_are_known_by_the_name_of_their_store_wherever_it_lies(workspace):
    DLH(DynamicLatentHierarchy(tiny().model)).save_pretrained("model")
    random = np.random.default_rng(0)
    for name in ("teco-dmlab", "walks"):
        Path(name).mkdir()
        for number in range(5):
            frames = random.integers(0, 256, (230, 16, 16, 3), dtype=np.uint8)
            np.save(f"{name}/{number}.npy", frames)
        import_folder(name, f"of-{name}", height=16, width=16, channels=3)
    opened = open_evaluation(
        EvaluateOptions(model="model", data="of-teco-dmlab", protocol="paper", samples=2)
    )
    assert (opened.evaluation.clips.horizon, opened.name) == (200, "paper, changed")
    with refused(DataError, 330, 30, 300, code="no-clips"):
        open_evaluation(EvaluateOptions(model="model", data="of-walks", protocol="paper"))


def test_the_best_model_of_a_run_is_scored_on_the_data_of_the_run(finished):
    opened = open_evaluation(
        EvaluateOptions(model=str(finished / "best"), context=4, horizon=3, clips=2)
    )
    assert (opened.evaluation.clips.name, opened.asked, opened.samples) == ("moving-ball", 2, 16)
    assert opened.name == "demo, changed" and opened.evaluation.decides is not None


def test_a_shipped_model_is_scored_on_what_it_was_trained_on(workspace):
    for data in (None, "moving-ball"):
        options = EvaluateOptions(model="moving-ball", data=data, context=4, horizon=3, clips=2)
        clips = open_evaluation(options).evaluation.clips
        assert (clips.name, clips.frame_shape) == ("moving-ball", (3, 32, 32))
        world = shipped_ball(find("moving-ball")).held_out("test", count=2, clip_length=7)
        assert np.array_equal(to_stored(clips.read(1).truth), world.video[1, 4:])


def test_a_model_without_a_run_is_scored_on_a_ball_of_its_size(workspace):
    DLH(DynamicLatentHierarchy(tiny().model)).save_pretrained("model")
    options = EvaluateOptions(model="model", data="moving-ball", context=4, horizon=3, clips=2)
    assert open_evaluation(options).evaluation.clips.frame_shape == (3, 16, 16)


def test_the_numbers_of_a_manifest_change_the_protocol(finished, workspace):
    manifest = name_clips(MovingBall(tiny().data.ball), context=3, horizon=5, count=2)
    manifest.save("clips.json")
    opened = open_evaluation(EvaluateOptions(model=str(finished), manifest=Path("clips.json")))
    assert (opened.name, opened.asked) == ("demo, changed", 2)
