"""The page of the explorer, in gradio: inputs in, pictures out."""

from __future__ import annotations

import base64
import contextlib
import html
import importlib
import os
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from dlh.analysis.exploration import Exploration
from dlh.data.video.encode import write_video
from dlh.errors import DlhError, UsageError
from dlh.interfaces import Temperature
from dlh.reports.figures.exploration import frame_at, frame_row, timeline
from dlh.reports.figures.futures import still_grid, tile_futures

LOOPBACK = "127.0.0.1"
DRAWS = 5
"""Other states that are shown at once."""
FILM_CONTEXT = 10
"""Frames before the branching that a film of futures begins with."""
FPS = 10.0

STYLE = """
.gradio-container {max-width: 1320px !important; margin: auto}
#timeline img {cursor: pointer}
.answer img, .answer video {max-width: 100%; display: block; margin-bottom: 8px}
#branch, #roll, #draw {align-self: center; max-width: 180px}
.answer p {margin: 4px 0}
footer {display: none !important}
"""


class MissingExtraError(DlhError, ImportError):
    """An optional dependency is not installed; the message says how to install it."""

    code = "missing-extra"


def import_gradio() -> Any:
    """The module gradio, told to send nothing anywhere.

    Raises:
        MissingExtraError: it is not installed.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    try:
        return importlib.import_module("gradio")
    except ImportError as error:
        raise MissingExtraError(
            "the explorer needs gradio, which is not installed: pip install 'dlh[app]' (gradio "
            "wants pillow < 13; constraints-app.txt of a clone has the tested versions)"
        ) from error


def build_app(explored: Exploration, *, title: str, fps: float = FPS) -> Any:
    """The page, gradio's Blocks.

    Args:
        explored: the model and the video.
        title: what they are, in a line.
        fps: of the films.

    Raises:
        MissingExtraError: gradio is not installed.
    """
    gr = import_gradio()
    levels = [f"level {level}" for level in range(explored.levels, 0, -1)]
    first, last = explored.first, explored.last
    middle = (first + last) // 2

    def number(level: str) -> int:
        return int(level.rpartition(" ")[2])

    def answer(compute: Callable[..., str]) -> Callable[..., str]:
        def guarded(*given: Any) -> str:
            try:
                return compute(*given)
            except DlhError as error:
                return f'<p role="alert">{html.escape(str(error))}</p>'

        return guarded

    def show_timeline(frame: int, other: int) -> Any:
        return timeline(
            explored.frames,
            explored.changed,
            explored.surprise,
            first=first,
            chosen=frame,
            other=other,
        )

    @answer
    def show_frame(frame: int) -> str:
        pictures = [explored.frames[frame], explored.reconstructed(frame)]
        return image(
            frame_row(pictures, [f"frame {frame}", "as the model sees it"]),
            f"frame {frame} and its reconstruction",
        )

    @answer
    def exchange(level: str, frame: int, other: int) -> str:
        n = number(level)
        pictures = [
            explored.reconstructed(frame),
            explored.reconstructed(other),
            explored.exchanged(n, frame, other),
        ]
        captions = [f"frame {frame}", f"frame {other}", f"frame {frame} with {level} of {other}"]
        return image(frame_row(pictures, captions, level=n), captions[-1])

    @answer
    def resample(level: str, frame: int, seed: int) -> str:
        n = number(level)
        drawn = explored.resampled(n, frame, samples=DRAWS, seed=int(seed))
        captions = [f"frame {frame}", *(f"draw {draw + 1}" for draw in range(DRAWS))]
        pictures = [explored.reconstructed(frame), *drawn]
        return image(
            frame_row(pictures, captions, level=n), f"{DRAWS} draws of {level} at frame {frame}"
        )

    @answer
    def roll(level: str, frame: int, steps: int, seed: int) -> str:
        n = number(level)
        rolled = explored.rolled(n, frame, steps=int(steps), seed=int(seed))
        captions = [f"frame {frame}", *(f"+{step}" for step in range(1, len(rolled)))]
        row = frame_row(list(rolled), captions, level=n)
        return image(row, f"{level} rolled from frame {frame}")

    @answer
    def branch(
        frame: int,
        horizon: int,
        samples: int,
        temperature: float,
        decision_temperature: float,
        seed: int,
    ) -> str:
        futures, changed = explored.futures(
            frame,
            horizon=int(horizon),
            samples=int(samples),
            temperature=Temperature(states=temperature, decisions=decision_temperature),
            seed=int(seed),
        )
        followed = explored.followed(frame, horizon=int(horizon))
        truth = followed if len(followed) == horizon else None
        context = explored.frames[max(0, frame + 1 - FILM_CONTEXT) : frame + 1]
        events = changed[..., 1] if changed is not None and changed.shape[-1] > 1 else None
        film = tile_futures(futures, context=context, truth=truth, changed=events, panel=128)
        still = still_grid(futures, context=context, truth=truth)
        said = f"{samples} futures of {horizon} frames after frame {frame}"
        return image(still, said) + video(mp4_of(film, fps), said)

    with gr.Blocks(title="dlh explore") as page:
        gr.HTML(f"<h2>{html.escape(title)}</h2>", elem_id="title")  # a file's name is no markup
        gr.Markdown(
            "Click on the timeline to choose a frame. A band changes its tint where its level "
            "takes a new state; bars above the line are evidence for a change."
        )
        lanes = gr.Image(
            show_timeline(middle, first),
            show_label=False,
            interactive=False,
            buttons=[],
            format="png",
            elem_id="timeline",
            alt_text="timeline of levels and surprise",
        )
        with gr.Row():
            frame = gr.Slider(
                first, last, value=middle, step=1, label="Frame", elem_id="frame", scale=3
            )
            seed = gr.Number(
                0, label="Seed of all draws", precision=0, minimum=0, elem_id="seed", scale=1
            )
        with gr.Row():
            with gr.Column(scale=2, min_width=380):
                seen = gr.HTML(show_frame(middle), elem_id="seen", elem_classes="answer")
            with gr.Column(scale=3):
                with gr.Tab("Exchange a state"):
                    gr.Markdown("One level gets the state that it has at another frame.")
                    with gr.Row():
                        swapped = gr.Radio(levels, value=levels[0], label="Level")
                        other = gr.Slider(
                            first, last, value=first, step=1, label="Other frame", elem_id="other"
                        )
                    exchanged = gr.HTML(
                        exchange(levels[0], middle, first),
                        elem_id="exchanged",
                        elem_classes="answer",
                    )
                with gr.Tab("Draw a state", elem_id="tab-draw"):
                    gr.Markdown("One level gets states that it expects after a change.")
                    with gr.Row():
                        drawn_level = gr.Radio(levels, value=levels[0], label="Level")
                        again = gr.Button("Draw", variant="primary", elem_id="draw")
                    drawn = gr.HTML(elem_id="drawn", elem_classes="answer")
                with gr.Tab("Roll a level", elem_id="tab-roll"):
                    gr.Markdown("One level goes on by itself, the others stand.")
                    with gr.Row():
                        rolling = gr.Radio(levels, value=levels[0], label="Level")
                        steps = gr.Slider(1, 12, value=8, step=1, label="Transitions")
                        go = gr.Button("Roll", variant="primary", elem_id="roll")
                    rolled = gr.HTML(elem_id="rolled", elem_classes="answer")
        gr.Markdown(
            "### Futures\nThe model observes the video up to the chosen frame, then draws what may "
            "follow."
        )
        with gr.Row():
            horizon = gr.Slider(1, 300, value=40, step=1, label="Frames to predict")
            samples = gr.Slider(1, 12, value=5, step=1, label="Futures")
            states = gr.Slider(0, 2, value=1, step=0.05, label="Temperature of states")
            decisions = gr.Slider(0, 2, value=1, step=0.05, label="Temperature of changes")
            branches = gr.Button("Draw futures", variant="primary", elem_id="branch")
        futures = gr.HTML(elem_id="futures", elem_classes="answer")

        def clicked(event: Any) -> int:
            chosen = frame_at(event.index[0], len(explored.frames))
            return min(max(chosen, first), last)

        clicked.__annotations__["event"] = gr.SelectData  # by which gradio knows what to give

        quick: dict[str, Any] = {"show_progress": "hidden", "trigger_mode": "always_last"}
        lanes.select(clicked, None, frame, show_progress="hidden")
        gr.on([frame.change, other.change], show_timeline, [frame, other], lanes, **quick)
        frame.change(show_frame, frame, seen, **quick)
        gr.on(
            [frame.change, other.change, swapped.change],
            exchange,
            [swapped, frame, other],
            exchanged,
            **quick,
        )
        again.click(resample, [drawn_level, frame, seed], drawn)
        go.click(roll, [rolling, frame, steps, seed], rolled)
        asked = [frame, horizon, samples, states, decisions, seed]
        branches.click(branch, asked, futures)
    return page


def image(png: bytes, alt: str) -> str:
    """A picture as HTML that holds it."""
    return _embedded("img", "image/png", png, alt) + ">"


def video(mp4: bytes, label: str) -> str:
    """A film as HTML that holds it; it plays by itself, again and again."""
    return _embedded("video", "video/mp4", mp4, label) + " autoplay loop muted controls></video>"


def _embedded(tag: str, kind: str, content: bytes, said: str) -> str:
    name = "alt" if tag == "img" else "aria-label"
    data = base64.b64encode(content).decode()
    return f'<{tag} src="data:{kind};base64,{data}" {name}="{html.escape(said)}"'


def mp4_of(frames: Any, fps: float) -> bytes:
    """A film's bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        write_video(path, frames, fps)
        return path.read_bytes()


@contextlib.contextmanager
def serving(page: Any, *, port: int | None = None) -> Generator[str]:
    """The page on this machine's loopback address, while the block runs; gives its address.

    Args:
        page: of :func:`build_app`.
        port: None takes the first free one from 7860 on.

    Raises:
        UsageError: the port is taken.
    """
    gr = import_gradio()
    fonts = {"font": ["system-ui", "sans-serif"], "font_mono": ["monospace"]}
    try:
        _, address, _ = page.launch(
            server_name=LOOPBACK,
            server_port=port,
            share=False,
            quiet=True,
            prevent_thread_lock=True,
            ssr_mode=False,
            footer_links=[],
            theme=gr.themes.Default(**fonts),  # those of the system: no font is fetched
            css=STYLE,
        )
    except OSError as error:
        wanted = "7860 to 7959" if port is None else port
        raise UsageError(f"port {wanted} is taken; choose another with --port") from error
    try:
        yield address
    finally:
        page.close(verbose=False)
