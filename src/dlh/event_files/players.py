"""Events for players: WebVTT cues, and chapters for FFmpeg."""

from __future__ import annotations

from dlh.event_files.answer import Answer, spans, title
from dlh.event_files.timecode import clock

_SHOWN_SECONDS = 2.0


def web_vtt(answer: Answer) -> str:
    """WebVTT: one cue an event (its identifier is its rank), on show for two seconds or until the
    next; events of one frame share a cue. Events before 0 seconds, which WebVTT cannot write, begin
    at 0.
    """
    lines = ["WEBVTT", "", f"NOTE events by the method {answer.method}; surprise in {answer.unit}"]
    moments = answer.moments
    for number, event in enumerate(moments):
        following = moments[number + 1].seconds if number + 1 < len(moments) else answer.end
        start = max(0.0, event.seconds)
        stop = max(min(start + _SHOWN_SECONDS, following), start + 0.001)
        lines += ["", str(event.rank), f"{clock(start)} --> {clock(stop)}", title(event)]
    return "\n".join(lines) + "\n"


def ffmetadata(answer: Answer) -> str:
    """Chapters in FFmpeg's metadata format, the video cut at its events, in milliseconds.

    ``ffmpeg -i clip.mp4 -i events.ffmeta -map_metadata 1 -codec copy out.mp4`` puts them in.
    """
    lines = [";FFMETADATA1"]
    for span in spans(answer):
        start, stop = (max(0, round(time * 1000)) for time in (span.start, span.stop))
        lines += ["[CHAPTER]", "TIMEBASE=1/1000", f"START={start}", f"END={max(stop, start)}"]
        lines.append(f"title={_escaped(span.title)}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    for special in "\\=;#\n":
        text = text.replace(special, f"\\{special}")
    return text
