"""ViZDoom mazes: random layouts, walks that explore them, and the engine that draws them."""
