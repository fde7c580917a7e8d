"""The engine of ViZDoom as a camera: maps and a walk in, frames out, no display needed."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import shlex
import sys
import tempfile
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np

from dlh.data.clips import DataError
from dlh.data.worlds.mazes.maze import Walk, turned
from dlh.data.worlds.mazes.wad import CELL, maps_to_wad

SIDE = 192  # of the square that is cut out of the middle of the engine's picture, pixels
_WIDTH = 256
_FIELD_OF_VIEW = 106  # degrees across the whole picture; 90 across the square
_WARM_UP = 20  # tics until the engine obeys and the field of view has settled
_EYES = 41  # units above the floor
_ANGLE_TOLERANCE = 0.1  # degrees; the engine's own steps are far smaller
_HIDDEN = (
    *("hud", "minimal_hud", "weapon", "crosshair", "decals", "particles", "messages"),
    *("effects_sprites", "corpses", "screen_flashes"),
)
_ERRORS = (
    *("FileDoesNotExistException", "MessageQueueException", "SharedMemoryException"),
    *("ViZDoomErrorException", "ViZDoomIsNotRunningException", "ViZDoomUnexpectedExitException"),
)

# Linux only: PR_SET_PDEATHSIG with SIGKILL. Otherwise an engine whose owner was killed waits for
# orders for ever.
_DIES_WITH_ITS_OWNER = (
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); os.execv(sys.argv[1], sys.argv[1:])"
)


def engine_version() -> str:
    """The version of ViZDoom.

    Raises:
        DataError: it is not installed, or cannot be imported.
    """
    return _vizdoom().__version__


def poses(walk: Walk) -> np.ndarray:
    """A walk as the engine takes it: whole units (x, y) and the angle in hundredths of a degree,
    int64 (frame, 3).
    """
    places = np.rint(CELL * walk.positions)
    return np.column_stack([places, np.rint(100 * walk.angles)]).astype(np.int64)


class Engine:
    """A running engine; used as a context.

    Args:
        maps: texts of UDMF maps.

    Raises:
        DataError: ViZDoom is not installed or does not run, on entering and from :meth:`film`.
    """

    def __init__(self, maps: Sequence[str]) -> None:
        self._vizdoom = _vizdoom()
        self._maps = {f"MAZE{number:04d}": text for number, text in enumerate(maps)}
        self._cleanup = contextlib.ExitStack()

    def __enter__(self) -> Engine:
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dlh-mazes-")))
            (folder / "mazes.wad").write_bytes(maps_to_wad(self._maps))
            self._game = self._configured(folder)
            # The engine makes a folder _vizdoom wherever it is started.
            with self._errors(), contextlib.chdir(folder):
                self._game.init()
            stack.callback(self._game.close)
            self._cleanup = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._cleanup.close()

    def film(self, number: int, walk: Walk) -> Iterator[np.ndarray]:
        """What is seen on a walk through a map: uint8 (SIDE, SIDE, 3), one frame at a time."""
        with self._errors():
            self._game.set_doom_map(list(self._maps)[number])
            self._game.new_episode()
            self._game.send_game_command(f"fov {_FIELD_OF_VIEW}")
            self._game.make_action([0], _WARM_UP)
        margin = (_WIDTH - SIDE) // 2
        for x, y, angle in poses(walk).tolist():
            with self._errors():
                right = turned(self._pose()[3] - angle / 100)
                self._game.send_game_command(f"warp {x} {y}")
                self._game.set_action([right])
                self._game.advance_action(1, False)  # the eyes are on the floor, for one tic
                self._game.make_action([0])
                pose = self._pose()
                picture = self._game.get_state().screen_buffer
            wanted = (x, y, _EYES, angle / 100)
            if pose[:3] != wanted[:3] or abs(turned(pose[3] - wanted[3])) > _ANGLE_TOLERANCE:
                raise DataError(
                    f"ViZDoom has its eyes at (x, y, z, degrees) = {pose} where {wanted} was "
                    "wanted; another version of it may obey (dlh is tested with 1.3.2)"
                )
            yield picture[:, margin : margin + SIDE]

    def _pose(self) -> tuple[float, float, float, float]:
        """Of the eyes: x, y, z, degrees."""
        x, y, z, angle = self._game.get_state().game_variables.tolist()
        return x, y, z, angle

    def _configured(self, folder: Path):
        vizdoom = self._vizdoom
        game = vizdoom.DoomGame()
        game.set_vizdoom_path(_owned(vizdoom.exe_path, folder))
        game.set_doom_game_path(str(Path(vizdoom.__path__[0]) / "freedoom2.wad"))
        game.set_doom_scenario_path(str(folder / "mazes.wad"))
        game.set_doom_config_path(str(folder / "engine.ini"))
        game.set_doom_map(next(iter(self._maps)))
        game.set_screen_resolution(vizdoom.ScreenResolution.RES_256X192)
        game.set_screen_format(vizdoom.ScreenFormat.RGB24)
        game.set_window_visible(False)
        game.set_sound_enabled(False)
        for what in _HIDDEN:
            getattr(game, f"set_render_{what}")(False)
        game.set_available_buttons([vizdoom.Button.TURN_LEFT_RIGHT_DELTA])
        variables = vizdoom.GameVariable
        game.set_available_game_variables(
            [
                *(variables.CAMERA_POSITION_X, variables.CAMERA_POSITION_Y),
                *(variables.CAMERA_POSITION_Z, variables.CAMERA_ANGLE),
            ]
        )
        game.set_mode(vizdoom.Mode.PLAYER)
        game.set_episode_timeout(0)
        game.set_seed(0)  # nothing in a maze is random; so that it stays so
        return game

    @contextlib.contextmanager
    def _errors(self) -> Generator[None]:
        try:
            yield
        except tuple(getattr(self._vizdoom, name) for name in _ERRORS) as error:
            raise DataError(
                f"ViZDoom {self._vizdoom.__version__} does not run ({error}); try its own "
                "examples, or install it again"
            ) from error


def _owned(engine: str, folder: Path) -> str:
    """A script that starts the engine such that it dies with this process; the engine itself where
    that cannot be.
    """
    if sys.platform != "linux" or not os.access(engine, os.X_OK):
        return engine
    script = folder / "engine"
    command = [sys.executable, "-I", "-S", "-c", _DIES_WITH_ITS_OWNER, engine]
    script.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n', encoding="utf-8")
    script.chmod(0o700)
    return str(script) if os.access(script, os.X_OK) else engine  # not in a folder of noexec


def _vizdoom() -> ModuleType:
    if importlib.util.find_spec("vizdoom") is None:
        raise DataError(
            "ViZDoom mazes are drawn by ViZDoom, which is not installed: pip install 'dlh[mazes]'",
            code="missing-extra",
        )
    try:
        return importlib.import_module("vizdoom")
    except (ImportError, SystemError) as error:  # the latter where it is built for another Python
        raise DataError(
            f"ViZDoom is installed but cannot be imported ({error}); install it again"
        ) from None
