"""Pictures: stored frames and numbers in, PNG bytes or a film's frames out; no file is touched."""

from dlh.analysis.figures.canvas import MissingExtraError
from dlh.analysis.figures.curves import draw_curves, draw_psnr_curves
from dlh.analysis.figures.events import draw_events
from dlh.analysis.figures.futures import still_grid, tile_futures

__all__ = [
    "MissingExtraError",
    "draw_curves",
    "draw_events",
    "draw_psnr_curves",
    "still_grid",
    "tile_futures",
]
