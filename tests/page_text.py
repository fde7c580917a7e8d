"""Pages read as a person reads them, and compared with the text that is stored of them.

After a change of words, ``WRITE_GOLDEN=1 python -m pytest tests/reports -k golden`` stores the new
text; read its diff before you commit it.
"""

from __future__ import annotations

import os
import re
from html.parser import HTMLParser
from pathlib import Path

GOLDEN = Path(__file__).parent / "reports" / "golden"


class Page(HTMLParser):
    """The tags in order, the text that a person sees, and whether every element is closed."""

    VOID = ("img", "meta")
    CELLS = ("td", "th")
    LINES = ("figcaption", "footer", "h1", "h2", "h3", "li", "p", "pre", "summary", "title", "tr")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self._parts: list[str] = []
        self.feed(html)

    @property
    def text(self) -> str:
        """A line for each paragraph and each row of a table, whose cells end with a bar."""
        lines = (re.sub(r"[ \n]+", " ", line).strip() for line in "".join(self._parts).split("\0"))
        return "\n".join(line for line in lines if line) + "\n"

    def all(self, tag: str) -> list[dict[str, str]]:
        """The attributes of every element of that name."""
        return [attributes for name, attributes in self.tags if name == tag]

    def handle_starttag(self, tag, attrs) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.tags.append((tag, attributes))
        if tag not in self.VOID:
            self.open.append(tag)
        if tag in self.LINES or attributes.get("class", "").startswith("tile"):
            self._parts.append("\0")
        if tag == "img":
            self._parts.append(f"\0[{attributes['alt']}]")

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag
        self._parts += ["\0"] * (tag in self.LINES) + [" | "] * (tag in self.CELLS)

    def handle_data(self, data) -> None:
        if "style" not in self.open:
            self._parts.append(data)


def check_golden(name: str, text: str) -> None:
    """The text is what is stored under this name; see above for how to store it."""
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("WRITE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def check_alone(html: str) -> Page:
    """The page, which is well formed and asks for nothing from any network."""
    page = Page(html)
    assert page.open == []
    assert html.startswith("<!doctype html>")
    assert not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object", "base"}
    assert "http://" not in html and "https://" not in html
    assert "@import" not in html and "url(" not in html
    for _, attributes in page.tags:
        for name in ("src", "href", "poster"):
            assert (attributes.get(name) or "data:").startswith("data:")
    assert "default-src 'none'" in html
    return page
