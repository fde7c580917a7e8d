"""``python -m dlh``: the same as ``dlh``."""

from __future__ import annotations

import sys

from dlh.cli import main

if __name__ == "__main__":
    sys.exit(main())
