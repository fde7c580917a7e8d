"""``dlh experiments``: the trainings behind the results page, each run once; and the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from dlh.cli.commands import Command, run_one_of
from dlh.cli.options import parse
from dlh.cli.output import say


@dataclass(frozen=True, kw_only=True)
class ListOptions:
    """All experiments: what each is for, what it should cost, and how it stands.

    example:  dlh experiments list
    """

    only: str | None = None
    """Those whose names match, such as "ablation-*"."""
    root: Path = Path("runs/findings")
    """The folder of their runs."""
    results: Path = Path("docs/results")
    """The folder of their records."""


@dataclass(frozen=True, kw_only=True)
class RunOptions(ListOptions):
    """Train and analyse the experiments that have no record yet; an unfinished one goes on. Each
    finished one writes a small record, and is never run again. Several of these commands at a time
    share the work.

    example:  dlh experiments run --only "full-lambda0-*"
    """

    dry_run: tyro.conf.FlagCreatePairsOff[bool] = False
    """Only say what would be run, and what it should cost."""


@dataclass(frozen=True, kw_only=True)
class PageOptions:
    """Make the results page, its numbers and its curves anew from the records.

    example:  dlh experiments page
    """

    results: Path = Path("docs/results")
    """The folder of the records and the page."""


@dataclass(frozen=True, kw_only=True)
class PublishOptions:
    """Make a shipped model of a finished run: its weights in half the size, and what that cost.

    example:  dlh experiments publish runs/findings/full-lambda0-seed0 moving-ball
    """

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """A finished run."""
    name: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME")]
    """What the model will be called."""
    dtype: Literal["bfloat16", "float16", "float32"] = "float16"
    """How a weight is stored."""
    out: Path | None = None
    """The folder of shipped models; default: that of the installed package."""


def main(arguments: Sequence[str]) -> int:
    """``dlh experiments``."""
    return run_one_of(COMMANDS, arguments, prog="dlh experiments", usage=USAGE)


def _list(words: Sequence[str]) -> None:
    options = parse(ListOptions, words, prog="dlh experiments list")
    from reproduction.catalogue import chosen
    from reproduction.driver import plan

    for line in plan(chosen(options.only), root=options.root, results=options.results):
        say(line)


def _run(words: Sequence[str]) -> None:
    options = parse(RunOptions, words, prog="dlh experiments run")
    from dlh.cli.errors import goes_on_when_repeated
    from reproduction.catalogue import chosen
    from reproduction.driver import plan, run_all

    experiments = chosen(options.only)
    if options.dry_run:
        for line in plan(experiments, root=options.root, results=options.results):
            say(line)
        return
    with goes_on_when_repeated():
        run_all(experiments, root=options.root, results=options.results, say=say)


def _page(words: Sequence[str]) -> None:
    options = parse(PageOptions, words, prog="dlh experiments page")
    from reproduction.write import write_results

    write_results(options.results, say=say)


def _publish(words: Sequence[str]) -> None:
    options = parse(PublishOptions, words, prog="dlh experiments publish")
    from reproduction.publish import publish

    publish(**vars(options), say=say)


COMMANDS: dict[str, Command] = {
    "list": ("all of them: cost and state", _list),
    "run": ("train and analyse those that have no record yet", _run),
    "page": ("make the results page anew from the records", _page),
    "publish": ("make a shipped model of a finished run", _publish),
}

USAGE = """usage: dlh experiments COMMAND [OPTIONS]        dlh experiments COMMAND --help says more

{commands}

examples:
  dlh experiments list
  dlh experiments run --only "full-lambda0-*"
  dlh experiments page"""
