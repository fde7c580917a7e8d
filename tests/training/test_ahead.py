from __future__ import annotations

import threading
from typing import Any

import numpy as np
import torch

from dlh.data.clips import Clips, DataError
from dlh.training.ahead import Ahead, made_ahead
from refusals import refused
from training.tiny_training import CONFIG, TinyModel, TinySource, new_run, train_tiny, weights

REQUEST = {"batch_size": 3, "clip_length": 5, "seed": 0}


class Notes(TinySource):
    """A source that notes which batches are asked of it, by which thread, and refuses some."""

    def __init__(self, *, refuses: int | None = None) -> None:
        self.asked: list[tuple[int, int]] = []
        self.threads: set[int] = set()
        self.refuses = refuses

    def batch(self, step: int, **options: Any) -> Clips:
        self.asked.append((step, options.get("rank", 0)))
        self.threads.add(threading.get_ident())
        if step == self.refuses:
            raise DataError(f"nothing at step {step}")
        return super().batch(step, **options)


def test_what_is_given_is_what_the_source_gives_and_each_batch_is_made_once():
    source = Notes()
    with Ahead(source, end=4) as ahead:
        assert (ahead.name, ahead.frame_shape) == (source.name, source.frame_shape)
        for step in range(4):
            given = ahead.batch(step, **REQUEST).video
            assert np.array_equal(given, TinySource().batch(step, **REQUEST).video)
        assert len(source.threads) == 2  # the first batch by who asks
    assert [step for step, _ in source.asked] == [0, 1, 2, 3]


def test_the_next_batch_is_made_before_it_is_asked_for():
    made = threading.Event()

    class Tells(TinySource):
        def batch(self, step: int, **options: Any) -> Clips:
            if step == 1:
                made.set()
            return super().batch(step, **options)

    with Ahead(Tells(), end=2) as ahead:
        ahead.batch(0, **REQUEST)
        assert made.wait(20)


def test_the_parts_of_a_step_are_made_ahead_one_by_one():
    source = Notes()
    with Ahead(source, end=3) as ahead:
        for step in range(3):
            for rank in range(2):
                request = REQUEST | {"batch_size": 4, "rank": rank, "world_size": 2}
                given = ahead.batch(step, **request).video
                assert np.array_equal(given, TinySource().batch(step, **request).video)
    assert sorted(source.asked) == [(step, rank) for step in range(3) for rank in range(2)]


def test_a_batch_that_nobody_wants_any_more_is_let_go():
    with Ahead(TinySource(), end=9) as ahead:
        for step in (0, 5, 2):  # 1 and 6 were begun
            given = ahead.batch(step, **REQUEST).video
            assert np.array_equal(given, TinySource().batch(step, **REQUEST).video)
        assert {step for step, _ in ahead._begun} <= {3, 6}


def test_an_error_comes_where_its_own_batch_is_asked_for_and_no_thread_stays():
    threads = threading.active_count()
    with Ahead(Notes(refuses=1), end=9) as ahead:
        ahead.batch(0, **REQUEST)
        with refused(DataError, 1):
            ahead.batch(1, **REQUEST)
    assert threading.active_count() == threads


def test_a_training_with_clips_made_ahead_is_the_training(tmp_path, monkeypatch):
    """On a processor clips are not made ahead, so the loop is told that it has a GPU's source."""
    from dlh.training import loop

    plain, ahead = TinyModel(), TinyModel()
    train_tiny(new_run(tmp_path / "plain"), CONFIG, model=plain)
    used = []

    def as_on_a_gpu(source, *, end, device):
        used.append(device.type)
        return Ahead(source, end=end)

    monkeypatch.setattr(loop, "made_ahead", as_on_a_gpu)
    train_tiny(new_run(tmp_path / "ahead"), CONFIG, model=ahead)
    assert used == ["cpu"]
    for name, weight in weights(plain).items():
        assert torch.equal(weights(ahead)[name], weight), name


def test_on_a_processor_the_source_is_itself_and_on_a_gpu_it_is_ahead(monkeypatch):
    source = TinySource()
    with made_ahead(source, end=3, device=torch.device("cpu")) as same:
        assert same is source
    with made_ahead(source, end=3, device=torch.device("cuda")) as ahead:
        assert isinstance(ahead, Ahead) and ahead.pinned
