"""Words of a person that a generated page shows: a file beside the page."""

from __future__ import annotations

from pathlib import Path

from dlh.errors import OutputError
from dlh.files.writing import explain


def read_words(path: Path) -> str:
    """The text of a file; empty where there is none.

    Raises:
        OutputError: it cannot be read.
    """
    if not path.exists():
        return ""
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise OutputError(f"{path} cannot be read ({explain(error)})") from error
    except UnicodeDecodeError as error:
        raise OutputError(
            f"{path} is not UTF-8 (byte {error.start}: {error.reason}); save it as UTF-8"
        ) from error
