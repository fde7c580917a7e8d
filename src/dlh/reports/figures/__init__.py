"""Pictures: stored frames and numbers in, PNG bytes or a film's frames out; no file is touched."""

from dlh.reports.figures.canvas import MissingExtraError
from dlh.reports.figures.curves import draw_curves, draw_psnr_curves
from dlh.reports.figures.events import draw_events
from dlh.reports.figures.futures import still_grid, tile_futures

__all__ = [
    "MissingExtraError",
    "draw_curves",
    "draw_events",
    "draw_psnr_curves",
    "still_grid",
    "tile_futures",
]
