"""One run in several processes: start them, choose the leader, and let the others follow."""

from __future__ import annotations

import logging
import os
import sys
import uuid
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from dlh.errors import UsageError
from dlh.runs.build import build_model, open_source
from dlh.runs.changes import Change
from dlh.runs.experiment import Experiment, read_snapshot
from dlh.settings import check_at_least
from dlh.training import speed
from dlh.training.device import choose_device
from dlh.training.loop import follow
from dlh.training.processes import Processes, count_shares, part, world_size
from dlh.training.run import RunFolder
from dlh.training.trackers import require_trackers


def settled(experiment: Experiment) -> Experiment:
    """The experiment with what "auto" means on this hardware written out, so that it stays.

    Raises:
        TrainingError: its device, speed, trackers or number of processes cannot be used.
    """
    settings = experiment.training
    require_trackers(settings)
    count_shares(settings, world_size())
    device = choose_device(settings.device)
    chosen = speed.resolve(settings.speed, device)
    speed.require(chosen, device)
    return replace(experiment, training=replace(settings, speed=chosen))


@contextmanager
def leading(experiment: Experiment) -> Generator[None]:
    """The followers, where there are any, learn what is trained, and in the end that all is done.

    When what is inside fails they are not told: they notice that the leader is gone.
    """
    if world_size() == 1:
        yield
        return
    processes = Processes(choose_device(experiment.training.device))
    processes.tell(experiment)
    yield
    processes.tell(None)
    part()


def follow_leader(device: str) -> None:
    """What a process does that does not lead: its share of every step, until there is no more.

    Args:
        device: as the leader was asked for.

    Raises:
        LeaderGone: the leader stopped before all was done.
    """
    processes = Processes(choose_device(device))
    experiment = processes.hear()
    source = open_source(experiment)
    follow(build_model(replace(experiment, init=None)), source, processes)
    part()


def follow_resumed(folder: str | Path, change: Change | None) -> None:
    """:func:`follow_leader` of a run that goes on."""
    experiment = read_snapshot(RunFolder.open(folder))
    asked = experiment if change is None else change(experiment)
    follow_leader(asked.training.device)


def start_processes(count: int, words: Sequence[str]) -> int:
    """Run ``dlh`` with these words in ``count`` processes on this machine; the leader's status.

    Raises:
        UsageError: the count is not positive.
    """
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    check_at_least(1, error=UsageError, num_processes=count)
    # The processors are shared, where nothing else is asked for.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // count)))
    logging.getLogger("torch.distributed").setLevel(logging.CRITICAL)  # the leader says what is
    settings = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=count,
        run_id=str(uuid.uuid4()),
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
    )
    try:
        elastic_launch(settings, sys.executable)("-m", "dlh", *words)
    except ChildFailedError as error:
        failures = error.failures
        failed = failures[0] if 0 in failures else next(iter(failures.values()))
        return failed.exitcode if failed.exitcode > 0 else 128 - failed.exitcode
    except SignalException:  # passed on to the processes, of which the leader saved and said so
        return 130
    return 0
