"""docs/results/moving-ball.md, made of docs/results/moving-ball.json and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reproduction import results_apart, results_tables
from reproduction import results_words as words
from reproduction.marks import marks
from reproduction.results_cells import table
from reproduction.results_tables import Results


def render(results: Results, *, pictures: Sequence[str], notes: Mapping[str, str]) -> str:
    """The page.

    Args:
        results: what :func:`reproduction.aggregate.aggregate` gives.
        pictures: names of the PNG files in the folder of figures.
        notes: words of a person to sections, by their heading.
    """
    parts = [words.HEAD]
    for heading, body in (
        ("What differs from the paper", words.DIFFERENCES),
        ("What was run", _state(results)),
        ("Marks", _marks(results)),
        ("How deep changes reach (Table 2)", f"{words.TABLE2}\n{results_tables.table2(results)}"),
        ("What each level says (Table 5)", results_tables.table5(results)),
        ("What is foreseen (Table 3)", f"{words.TABLE3}\n{results_tables.table3(results)}"),
        ("Events", results_tables.events(results)),
        ("What is predicted (Fig. 6)", f"{words.FUTURES}\n{results_tables.futures(results)}"),
        ("What each level holds (Figs. 5a, 5b)", f"{words.HELD}\n{results_tables.held(results)}"),
        ("Which of the choices matter?", f"{words.ABLATION}\n{results_apart.ablations(results)}"),
        ("At the paper's size", results_apart.papers_size(results)),
        ("Moving MNIST", results_apart.mnist(results)),
        ("Over training", _courses(pictures)),
        ("Pictures", _pictures(pictures)),
    ):
        note = f"\n\n{notes[heading].strip()}" if heading in notes else ""
        parts.append(f"## {heading}\n\n{body.strip()}{note}\n")
    return "\n".join(parts)


def headings() -> tuple[str, ...]:
    """The sections to which there may be notes."""
    page = render(
        {
            "runs": {
                "planned": 0,
                "done": [],
                "failed": {},
                "missing": [],
                "core_hours": 0.0,
                "gpu_hours": 0.0,
                "estimated_core_hours": 0.0,
            }
        },
        pictures=[],
        notes={},
    )
    return tuple(line[3:] for line in page.splitlines() if line.startswith("## "))


def _state(results: Results) -> str:
    runs = results["runs"]
    done, hours = len(runs["done"]), runs["core_hours"]
    estimated = runs["estimated_core_hours"]
    lines = [
        f"{done} of {runs['planned']} runs are done. They took {hours:.1f} core-hours of a CPU by "
        f"the clock, on a machine that did other things as well; alone on one, {estimated:.1f} by "
        "estimate."
        + (
            f" Those on a GPU took {runs['gpu_hours']:.1f} hours of it."
            if runs["gpu_hours"]
            else ""
        )
    ]
    if runs["missing"]:
        seeds: dict[str, list[str]] = {}
        for name in runs["missing"]:
            kind, _, seed = name.rpartition("-seed")
            seeds.setdefault(kind, []).append(seed)
        names = "; ".join(f"`{kind}` seed {', '.join(each)}" for kind, each in seeds.items())
        lines.append(f"\nNot run yet: {names}. `python -m reproduction run` goes on with these.")
    reasons: dict[str, list[str]] = {}
    for name, why in runs["failed"].items():
        reasons.setdefault(why, []).append(f"`{name}`")
    lines += [f"\n{', '.join(names)} did not finish: {why}" for why, names in reasons.items()]
    return "\n".join(lines) + "\n"


def _marks(results: Results) -> str:
    rows = [(mark.claim, mark.found, mark.verdict) for mark in marks(results)]
    return table(("mark", "ours", ""), rows)


def _courses(pictures: Sequence[str]) -> str:
    parts = [
        f"![{said}](figures/course-{name}.png)\n\n{said}"
        for name, said in words.COURSES.items()
        if f"course-{name}.png" in pictures
    ]
    return "\n\n".join(parts) or "Not run yet."


def _pictures(pictures: Sequence[str]) -> str:
    parts = []
    for name in sorted(pictures):
        run, _, figure = name.removesuffix(".png").rpartition("-")
        if run and run != "course" and figure in words.KEPT:
            said = f"`{run}`: {words.KEPT[figure]}"
            parts.append(f"{said}\n\n![{words.KEPT[figure]}](figures/{name})")
    return "\n\n".join(parts) or "Not run yet."
