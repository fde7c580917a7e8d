"""HTML by hand: elements that escape what they hold, and a look that needs nothing elsewhere."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence


class Html(str):
    """Text that is markup already; every other string is escaped when it enters an element."""

    __slots__ = ()


def element(name: str, *children: str, **attributes: str | bool) -> Html:
    """An element; ``class_`` is class, True makes a bare attribute, False none."""
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}"
        + ("" if value is True else f'="{html.escape(str(value))}"')
        for key, value in attributes.items()
        if value is not False
    )
    return Html(f"<{name}{written}>{join(*children)}</{name}>")


def join(*children: str) -> Html:
    """Elements one after the other; plain strings are escaped."""
    return Html("".join(c if isinstance(c, Html) else html.escape(c) for c in children))


def picture(png: bytes, description: str) -> Html:
    """A PNG inside the page."""
    source = html.escape(_data_address("image/png", png))
    return Html(f'<img src="{source}" alt="{html.escape(description)}">')


def film(mp4: bytes, description: str) -> Html:
    """An mp4 inside the page, which plays silently and again and again."""
    return element(
        "video",
        "This browser cannot play the film; it lies beside this page.",
        src=_data_address("video/mp4", mp4),
        controls=True,
        loop=True,
        muted=True,
        autoplay=True,
        playsinline=True,
        title=description,
    )


def figure(png: bytes | None, description: str, caption: str) -> Html:
    """A picture with the words that say how to read it; nothing where there is no picture."""
    if png is None:
        return Html("")
    return element("figure", picture(png, description), element("figcaption", caption))


def table(
    head: tuple[str, ...], rows: Sequence[tuple[str, ...]], marked: int | None = None
) -> Html:
    """A table; its first column is text, the others numbers; the row ``marked`` stands out."""
    cells = [element("th", text, scope="col") for text in head]
    body = [
        element(
            "tr",
            element("th", row[0], scope="row"),
            *(element("td", text) for text in row[1:]),
            class_="marked" if index == marked else False,
        )
        for index, row in enumerate(rows)
    ]
    return element(
        "div",
        element("table", element("thead", element("tr", *cells)), element("tbody", *body)),
        class_="wide",
    )


def page(title: str, *content: str) -> str:
    """The whole file. It asks for nothing from any network, and says so to the browser."""
    head = join(
        Html('<meta charset="utf-8">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'),
        element("title", title),
        element("style", Html(STYLE)),
    )
    body = element("body", element("main", *content))
    return f'<!doctype html>\n<html lang="en">\n<head>{head}</head>\n{body}\n</html>\n'


def _data_address(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


POLICY = "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'"

STYLE = """
:root { --ink: #1c2733; --quiet: #5d6976; --line: #dde3e8; --wash: #f4f6f8; --paper: #fff;
  --model: #0072B2; --truth: #c25400; --good: #1f7a4d; color-scheme: light dark; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ebf0; --quiet: #9aa7b4; --line: #2f3a45;
  --wash: #1b232b; --paper: #12181e; --model: #5db4ec; --truth: #ff9c55; --good: #5fca94; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); line-height: 1.6;
  font: 17px/1.6 ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1000px; margin: 0 auto; padding: 56px 24px 80px; }
p, li, .lede { max-width: 42em; }
.eyebrow { margin: 0; color: var(--model); font-size: .85rem; font-weight: 600;
  letter-spacing: .02em; }
h1 { margin: .15em 0 .35em; font-size: clamp(2rem, 5vw, 3rem); line-height: 1.1;
  letter-spacing: -.02em; text-wrap: balance; }
h2 { margin: 2.6em 0 .5em; font-size: 1.5rem; line-height: 1.2; letter-spacing: -.01em; }
h3 { margin: 1.8em 0 .4em; font-size: 1.05rem; }
.lede { font-size: 1.2rem; color: var(--quiet); margin: 0 0 1.6em; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(205px, 46%), 1fr));
  gap: 14px; margin: 30px 0; }
.tile { border: 1px solid var(--line); border-radius: 12px; padding: 16px 18px; }
.tile b { display: block; font-size: 2.1rem; line-height: 1.15; letter-spacing: -.02em;
  font-variant-numeric: tabular-nums; }
.tile .name { font-weight: 600; }
.tile .note { display: block; color: var(--quiet); font-size: .85rem; line-height: 1.4;
  margin-top: 4px; }
.good b { color: var(--good); } .poor b { color: var(--truth); }
figure { margin: 22px 0 30px; }
figure img, figure video { display: block; width: 100%; height: auto; background: #fff;
  border-radius: 12px; border: 1px solid var(--line); }
figure.film video { max-width: 760px; margin: 0 auto; }
figcaption { color: var(--quiet); font-size: .92rem; line-height: 1.5; margin-top: 10px;
  max-width: 48em; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; min-width: 60%;
  margin: 10px 0; }
th, td { white-space: nowrap; padding: 8px 16px 8px 0; text-align: right;
  border-bottom: 1px solid var(--line); font-weight: 400; }
thead th { color: var(--quiet); font-size: .85rem; vertical-align: bottom; }
th:first-child { text-align: left; }
.marked th, .marked td { font-weight: 700; color: var(--model); }
.verdict { border-left: 4px solid var(--model); padding: 2px 0 2px 16px; }
.verdict.poor { border-color: var(--truth); }
pre { background: var(--wash); border-radius: 10px; padding: 14px 18px; overflow-x: auto;
  margin: 6px 0 18px; font: .9rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .92em; }
.does { margin: 18px 0 0; color: var(--quiet); }
details { margin: 10px 0; } summary { cursor: pointer; color: var(--model); }
.settings td, .settings th { text-align: left; padding: 4px 22px 4px 0; font-size: .88rem; }
.settings td { white-space: normal; overflow-wrap: anywhere; }
.settings th { vertical-align: top; }
.scores td { white-space: normal; padding-right: 16px; font-size: .92rem; }
footer { margin-top: 64px; padding-top: 18px; border-top: 1px solid var(--line);
  color: var(--quiet); font-size: .88rem; }
@media print { main { max-width: none; padding: 0; } body { font-size: 11pt; } h2 {
  break-after: avoid; } figure, .tile, tr, pre { break-inside: avoid; } pre { white-space: pre-wrap;
  } }
"""
