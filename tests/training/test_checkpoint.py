from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch
from torch import nn

from dlh.training.checkpoint import (
    BEST,
    Checkpoints,
    DamagedCheckpointError,
    checkpoint_files,
    newest_step,
    read_checkpoint,
)
from dlh.training.errors import CheckpointError
from dlh.training.progress import Progress
from refusals import holds, refused


def registry(folder: Path, *, step: int = 0, width: int = 3, keep: int = 2) -> Checkpoints:
    """A module whose weights are all ``step``, and its counters."""
    module = nn.Linear(width, 2)
    for parameter in module.parameters():
        nn.init.constant_(parameter, step)
    checkpoints = Checkpoints(folder, keep=keep)
    checkpoints.register("module", module)
    checkpoints.register("progress", Progress(step=step, train_seconds=step / 3))
    return checkpoints


def save(folder: Path, *steps: int, keep: int = 2) -> None:
    for step in steps:
        registry(folder, step=step, keep=keep).save(step)


def restored(checkpoints: Checkpoints) -> tuple[float, Progress]:
    module, progress = checkpoints._registry.values()
    assert isinstance(module, nn.Linear) and isinstance(progress, Progress)
    return module.weight[0, 0].item(), progress


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_everything_registered_comes_back(tmp_path: Path) -> None:
    save(tmp_path, 7)
    checkpoints = registry(tmp_path)
    found = checkpoints.load_newest()
    assert found is not None and (found.step, found.message) == (7, None)
    assert restored(checkpoints) == (7, Progress(step=7, train_seconds=7 / 3))


def test_no_checkpoint_is_no_error(tmp_path: Path) -> None:
    assert registry(tmp_path / "missing").load_newest() is None
    assert newest_step(tmp_path / "missing") == 0


def test_the_newest_few_are_kept(tmp_path: Path) -> None:
    save(tmp_path, 5, 90, 9_999_999, 12_345_678, keep=3)
    oldest_first = ["step-0000090.pt", "step-9999999.pt", "step-12345678.pt"]
    assert [path.name for path in checkpoint_files(tmp_path)] == oldest_first
    assert names(tmp_path) == sorted(oldest_first) and newest_step(tmp_path) == 12_345_678


def test_other_files_are_neither_loaded_nor_removed(tmp_path: Path) -> None:
    for name in ("step-best.pt", "notes.txt", ".step-0000009.pt.1.tmp"):
        (tmp_path / name).write_text("mine")
    save(tmp_path, 1, 2, 3)
    found = registry(tmp_path).load_newest()
    assert found is not None and found.step == 3
    assert {"step-best.pt", "notes.txt"} < set(names(tmp_path))


def test_torch_opens_a_checkpoint_by_itself(tmp_path: Path) -> None:
    save(tmp_path, 4)
    state = torch.load(tmp_path / "step-0000004.pt", weights_only=True)["state"]
    assert torch.equal(state["module"]["bias"], torch.tensor([4.0, 4.0]))


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.999])
def test_a_checkpoint_that_was_cut_off_falls_back_to_the_one_before(
    tmp_path: Path, share: float
) -> None:
    save(tmp_path, 3, 6)
    newest = tmp_path / "step-0000006.pt"
    content = newest.read_bytes()
    newest.write_bytes(content[: int(share * len(content))])
    checkpoints = registry(tmp_path)
    found = checkpoints.load_newest()
    assert found is not None and found.step == 3 and found.message is not None
    assert holds(found.message, "step-0000006.pt", "step-0000003.pt")
    assert restored(checkpoints)[0] == 3


def test_any_flipped_bit_is_recognised(tmp_path: Path) -> None:
    save(tmp_path, 6)
    path = tmp_path / "step-0000006.pt"
    content = path.read_bytes()
    choose = random.Random(0)
    positions = [0, len(content) - 1, *(choose.randrange(len(content)) for _ in range(100))]
    for position in positions:
        damaged = bytearray(content)
        damaged[position] ^= 1 << choose.randrange(8)
        path.write_bytes(damaged)
        with refused(DamagedCheckpointError, "step-0000006.pt"):
            read_checkpoint(path)


def test_a_damaged_one_does_not_count_as_kept(tmp_path: Path) -> None:
    save(tmp_path, 3, 6)
    (tmp_path / "step-0000006.pt").write_bytes(b"")
    assert registry(tmp_path).load_newest() is not None
    save(tmp_path, 5)
    assert names(tmp_path) == ["step-0000003.pt", "step-0000005.pt", "step-0000006.pt.damaged"]


def test_several_damaged_ones_are_all_named(tmp_path: Path) -> None:
    save(tmp_path, 3, 6, 9, keep=3)
    for step in (6, 9):
        (tmp_path / f"step-000000{step}.pt").write_bytes(b"?")
    found = registry(tmp_path).load_newest()
    assert found is not None and found.step == 3 and found.message is not None
    assert holds(found.message, "step-0000009.pt", "step-0000006.pt")


def test_when_none_is_usable_nothing_is_loaded_or_renamed(tmp_path: Path) -> None:
    save(tmp_path, 3, 6)
    for path in checkpoint_files(tmp_path):
        path.write_bytes(path.read_bytes()[:-1])
    checkpoints = registry(tmp_path, step=1)
    for _ in range(2):
        with refused(CheckpointError, tmp_path, "step-0000003.pt", "step-0000006.pt"):
            checkpoints.load_newest()
    assert restored(checkpoints)[0] == 1
    assert names(tmp_path) == ["step-0000003.pt", "step-0000006.pt"]


def test_the_best_one_stays_when_those_beside_it_go(tmp_path: Path) -> None:
    save(tmp_path, 3)
    assert registry(tmp_path, step=3).keep_as_best(3) == tmp_path / BEST
    best = (tmp_path / BEST).read_bytes()
    assert (tmp_path / BEST).samefile(tmp_path / "step-0000003.pt")  # it takes no room
    save(tmp_path, 6, 9)
    assert names(tmp_path) == [BEST, "step-0000006.pt", "step-0000009.pt"]
    assert (tmp_path / BEST).read_bytes() == best
    assert newest_step(tmp_path) == 9
    registry(tmp_path, step=9).keep_as_best(9)
    registry(tmp_path, step=9).keep_as_best(9)  # of two names of one file a rename removes neither
    assert names(tmp_path) == [BEST, "step-0000006.pt", "step-0000009.pt"]
    assert read_checkpoint(tmp_path / BEST)["progress"]["step"] == 9


def test_the_best_one_is_written_where_there_is_no_such_file(tmp_path: Path) -> None:
    registry(tmp_path, step=4).keep_as_best(4)
    assert names(tmp_path) == [BEST, "step-0000004.pt"]


def test_where_there_are_no_links_the_best_one_is_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(source: Path, target: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("dlh.training.checkpoint.os.link", no_links)
    save(tmp_path, 3)
    registry(tmp_path, step=3).keep_as_best(3)
    assert names(tmp_path) == [BEST, "step-0000003.pt"]
    assert (tmp_path / BEST).read_bytes() == (tmp_path / "step-0000003.pt").read_bytes()
    assert not (tmp_path / BEST).samefile(tmp_path / "step-0000003.pt")


def test_a_best_one_that_cannot_be_written_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path, 3, 6)
    registry(tmp_path, step=3).keep_as_best(3)

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dlh.training.checkpoint.os.link", full)
    monkeypatch.setattr("dlh.training.checkpoint.shutil.copyfile", full)
    with refused(CheckpointError, "best.pt"):
        registry(tmp_path, step=6).keep_as_best(6)
    assert read_checkpoint(tmp_path / BEST)["progress"]["step"] == 3
    assert names(tmp_path) == [BEST, "step-0000003.pt", "step-0000006.pt"]


def test_the_best_one_is_the_last_resort(tmp_path: Path) -> None:
    save(tmp_path, 3)
    registry(tmp_path, step=3).keep_as_best(3)
    save(tmp_path, 6, 9)
    for path in checkpoint_files(tmp_path):
        path.write_bytes(b"?")
    checkpoints = registry(tmp_path)
    found = checkpoints.load_newest()
    assert found is not None and (found.step, found.path.name) == (3, BEST)
    assert found.message is not None and holds(found.message, "step-0000009.pt", BEST)
    assert restored(checkpoints)[0] == 3
    assert names(tmp_path) == [BEST, "step-0000006.pt.damaged", "step-0000009.pt.damaged"]


def test_a_checkpoint_of_another_model_is_no_damage(tmp_path: Path) -> None:
    save(tmp_path, 3, 6)
    with refused(CheckpointError, "module", "weight"):
        registry(tmp_path, width=4).load_newest()


def test_a_checkpoint_of_other_things_names_both(tmp_path: Path) -> None:
    save(tmp_path, 3)
    more = registry(tmp_path)
    more.register("average", nn.Linear(1, 1))
    fewer, all_three = ["module", "progress"], ["average", "module", "progress"]
    with refused(CheckpointError, fewer, all_three):
        more.load_newest()
    more.save(6)
    with refused(CheckpointError, all_three, fewer):
        registry(tmp_path).load_newest()


def test_another_format_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dlh.training.checkpoint.FORMAT", 99)
    save(tmp_path, 3)
    monkeypatch.undo()
    with refused(CheckpointError, 99, 1):
        registry(tmp_path).load_newest()


def test_a_checkpoint_cannot_run_code(tmp_path: Path) -> None:
    class Hostile:
        def state_dict(self) -> dict[str, object]:
            return {"payload": Path}

        def load_state_dict(self, state_dict: object, /) -> None:
            raise AssertionError("loaded")

    checkpoints = Checkpoints(tmp_path)
    checkpoints.register("hostile", Hostile())
    checkpoints.save(1)
    with refused(CheckpointError):
        checkpoints.load_newest()


def test_a_name_is_registered_once(tmp_path: Path) -> None:
    with refused(ValueError, "'progress'"):
        registry(tmp_path).register("progress", Progress())
