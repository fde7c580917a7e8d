from __future__ import annotations

import pytest

from dlh.reports.figures.canvas import MissingExtraError, drawn


def without_matplotlib() -> bytes:
    raise MissingExtraError("drawing needs matplotlib")


def test_a_picture_is_there_under_its_name():
    assert drawn("psnr.png", lambda: b"png") == {"psnr.png": b"png"}


@pytest.mark.parametrize("said, called", [("", "psnr.png"), ("picture of PSNR", "picture of PSNR")])
def test_without_matplotlib_there_is_none_and_a_warning_that_names_it(said, called):
    with pytest.warns(UserWarning, match=f"^no {called}: drawing needs matplotlib$"):
        assert drawn("psnr.png", without_matplotlib, said=said) == {}


def test_what_else_fails_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        drawn("psnr.png", lambda: bytes(1 // 0))
