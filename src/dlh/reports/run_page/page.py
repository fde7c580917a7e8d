"""report.html: what a run has learnt, on one page to read with pleasure and to pass on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dlh.reports.page import Html, element, figure, film, join, page, table
from dlh.reports.run_page import report_prediction
from dlh.reports.run_page import report_words as words
from dlh.reports.run_page.values import Report


def render_report(report: Report) -> str:
    """The page as HTML: pictures and film inside, no script, nothing fetched from anywhere."""
    title = words.title(report)
    sections = (
        _opening(report, title),
        _tiles(report),
        _events(report),
        report_prediction.section(
            report.futures, still_png=report.still_png, psnr_png=report.psnr_png
        ),
        _training(report),
        _commands(report),
        _settings(report),
        element("footer", element("p", words.FOOTER)),
    )
    return page(f"{title} - {report.data}", *(part for part in sections if part))


def _opening(report: Report, title: str) -> Html:
    return join(
        element("p", f"Dynamic Latent Hierarchy · {report.data} · {report.run}", class_="eyebrow"),
        element("h1", title),
        element("p", words.lede(report), class_="lede"),
        _film(report),
    )


def _film(report: Report) -> Html:
    if report.film is None:
        return Html("")
    caption = words.film_caption(report)
    shown = film(report.film, "A clip and its sampled futures, side by side")
    return element("figure", shown, element("figcaption", caption), class_="film")


def _tiles(report: Report) -> Html:
    tiles = [
        element(
            "div",
            element("span", tile.name, class_="name"),
            element("b", tile.value),
            element("span", tile.note, class_="note"),
            class_=f"tile {tile.tone}",
        )
        for tile in words.tiles(report)
    ]
    return element("div", *tiles, class_="tiles")


def _events(report: Report) -> Html:
    paragraphs = words.events(report)
    if not paragraphs and report.events_png is None:
        return Html("")
    caption = words.EVENTS + (words.TRUE_EVENTS if report.changes.events is not None else "")
    return join(
        element("h2", "What it noticed"),
        *(element("p", text) for text in paragraphs),
        figure(report.events_png, "The frames of a clip and when each level changed", caption),
        _levels_table(report),
    )


def _levels_table(report: Report) -> Html:
    if not report.changes.rates:
        return Html("")
    kl = report.changes.divergences
    head = ("", "changes per frame", "that is once in")
    head += ("state KL, nats per clip", "its share") if kl else ()
    rows = []
    for index, rate in enumerate(report.changes.rates):
        row = (f"level {index + 1}", f"{rate:.3f}", words.once_in(rate, report.fps))
        if kl:
            row += (f"{kl.state[index]:.1f}", f"{kl.state_share[index]:.0%}")
        rows.append(row)
    if report.changes.events is not None:
        rate = report.changes.events.true_change_rate
        truth = ("true events", f"{rate:.3f}", words.once_in(rate, report.fps))
        rows.append(truth + (("", "") if kl else ()))
    return table(head, rows)


def _training(report: Report) -> Html:
    if report.curves_png is None:
        return Html("")
    description = "Loss, divergences, events and depth over the training steps"
    return join(
        element("h2", "How it got there"),
        element("p", words.training(report)),
        figure(report.curves_png, description, words.CURVES),
    )


def _commands(report: Report) -> Html:
    if not report.commands:
        return Html("")
    parts = [element("h2", "Go on")]
    for command, does in report.commands:
        parts += [element("p", does, class_="does"), element("pre", element("code", command))]
    return join(*parts)


def _settings(report: Report) -> Html:
    rows = [(name, str(value)) for name, value in _flat(report.settings)]
    rows += [(f"version of {name}", version) for name, version in report.versions.items()]
    if not rows:
        return Html("")
    cells = [element("tr", element("th", name), element("td", value)) for name, value in rows]
    return element(
        "details",
        element("summary", f"All {len(rows)} settings and versions of this run"),
        element("div", element("table", *cells), class_="wide settings"),
    )


def _flat(settings: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Nested settings as (dotted name, value)."""
    flat: list[tuple[str, Any]] = []
    for name, value in settings.items():
        if isinstance(value, Mapping):
            flat += _flat(value, f"{prefix}{name}.")
        else:
            flat.append((prefix + name, value))
    return flat
