"""What mazes look like: textures of Freedoom, which comes with ViZDoom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# Chosen by looking at all of them: opaque and still, not black, without script, lamps or gore; the
# walls as high as a maze and of a width that divides a cell.
WALLS: Sequence[str] = _names(
    "A-BRICK1 A-BRICK2 A-BROCK2 A-BROWN2 A-CAMO1 A-CAMO4 A-CONCTE A-DBRI1 A-MOSBRI A-MOSROK "
    "A-MYWOOD A-ROCK A-TILE AQBRIK01 AQBRIK02 AQBRIK03 AQCONC02 AQTILE02 AROCK2 ASHWALL6 "
    "ASHWALL7 BIGBRIK1 BIGBRIK2 BIGWALL BRICK3 BRICK4 BRICK6 BRICK10 BRICK11 BRICK12 BROWN1 "
    "BROWNGRN BSTONE1 BSTONE2 CEMENT9 COMPBLUE COMPOHSO GRAY1 GRAYRED MARBLE1 MARBLE2 METAL1 "
    "MODWALL1 PANBLACK PANBLUE PANEL4 PANRED PIPES REDWALL ROCK1 ROCK4 ROCKRED1 SHAWN2 SMSTONE6 "
    "SPACEW4 STARBR2 STARG3 STARGR2 STARTAN3 STONE2 STONE4 STONE6 STUCCO1 STWALL TANROCK5 "
    "TANROCK8 TEKGREN2 TEKWALL1 WOOD12 WOODVERT ZIMMER2 ZIMMER5 ZIMMER8"
)
FLOORS: Sequence[str] = _names(
    "AQF022 AQF025 CEIL3_1 CRATOP2 FLAT1 FLAT1_2 FLAT5 FLAT5_1 FLAT5_4 FLAT5_5 FLAT8 FLAT10 "
    "FLAT14 FLAT19 FLAT20 FLOOR0_1 FLOOR0_3 FLOOR1_6 FLOOR3_3 FLOOR4_1 FLOOR4_6 FLOOR5_2 "
    "FLOOR5_4 FLOOR6_1 FLOOR6_2 FLOOR7_1 FLOOR7_2 GRASS1 GRASS2 GRNROCK MFLR8_1 MFLR8_2 RROCK03 "
    "RROCK09 RROCK11 RROCK13 RROCK16 RROCK18 RROCK19 RROCK20"
)
CEILINGS: Sequence[str] = _names(
    "CEIL1_1 CEIL3_1 CEIL3_3 CEIL3_5 CEIL4_2 CEIL5_1 CEIL5_2 FLAT1 FLAT5_4 FLAT9 FLAT18 FLAT19 "
    "FLAT23 FLOOR0_3 FLOOR7_1 MFLR8_1 RROCK03 RROCK18"
)


@dataclass(frozen=True, kw_only=True)
class Look:
    """The textures of one region of a maze, by their names in the engine's files."""

    wall: str
    floor: str
    ceiling: str


def draw_looks(regions: int, random: np.random.Generator) -> list[Look]:
    """A look for each region: its own walls and floor, and the one ceiling of the maze."""
    walls = random.choice(WALLS, size=regions, replace=False)
    floors = random.choice(FLOORS, size=regions, replace=False)
    ceiling = str(random.choice(CEILINGS))
    return [
        Look(wall=str(wall), floor=str(floor), ceiling=ceiling)
        for wall, floor in zip(walls, floors, strict=True)
    ]
