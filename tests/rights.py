"""A process that may do no more than its user: root otherwise reads and writes everything."""

from __future__ import annotations

import ctypes
import os
import sys

import pytest

_VERSION_3 = 0x20080522


def give_up_rights() -> None:
    """Give up for ever what root may do beyond the permissions of files; for a child process.

    Its user stays the same, so that it still reads what belongs to it: the sources of a clone in a
    home folder that only root may enter.
    """
    if os.getuid() == 0:
        header = (ctypes.c_uint32 * 2)(_VERSION_3, 0)
        none = (ctypes.c_uint32 * 6)()  # effective, permitted and inheritable capabilities, twice
        if ctypes.CDLL(None, use_errno=True).capset(header, none) != 0:
            raise OSError(ctypes.get_errno(), "capset")


needs_rights_to_give_up = pytest.mark.skipif(
    os.getuid() == 0 and sys.platform != "linux", reason="root may write anywhere here"
)
