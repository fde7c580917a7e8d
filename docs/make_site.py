"""Build the documentation site into build/site, from the pages as they lie in the repository.

python docs/make_site.py

The pages are copied into build/pages with the folders they have here, so that a link works on the
site as it does in a clone; only links to source files, of which the site has no page, become plain
words, and formulas get the marks that the site's renderer knows.
"""

from __future__ import annotations

import posixpath
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LEFT_OUT = (".github/", "src/", "docs/results/notes.md", "docs/results/table1/notes-")
"""Of these the notes are parts of the pages of results."""
PAGES = ROOT / "build" / "pages"
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?://|#)([^)#\s]+)(#[^)\s]*)?\)")
MATH = re.compile(r"^```math\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def copy_pages() -> None:
    """Fill build/pages anew."""
    shutil.rmtree(PAGES, ignore_errors=True)
    tracked = subprocess.run(
        ["git", "ls-files", "*.md", "docs/**/*.png", "docs/*.js"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split("\n")  # fmt: skip
    wanted = [name for name in tracked if name and not name.startswith(LEFT_OUT)]
    for name in wanted:
        place = PAGES / ("index.md" if name == "README.md" else name)
        place.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".md"):
            text = (ROOT / name).read_text("utf-8")
            place.write_text(with_links(text, Path(name), set(wanted)), "utf-8")
        else:
            shutil.copyfile(ROOT / name, place)


def with_links(text: str, page: Path, pages: set[str]) -> str:
    """The page with the links that the site can follow, the others as words, and its formulas."""

    def link(found: re.Match[str]) -> str:
        words, target, anchor = found[1], found[2], found[3] or ""
        to = posixpath.normpath((page.parent / target).as_posix())
        if to == "README.md":
            up = "../" * len(page.parent.parts)
            return f"[{words}]({up}index.md{anchor})"
        return found[0] if to in pages else words

    return MATH.sub(r"$$\n\1$$", LINK.sub(link, text))


if __name__ == "__main__":
    copy_pages()
    done = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict", "--clean"], cwd=ROOT
    )
    sys.exit(done.returncode)
