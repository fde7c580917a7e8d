"""Which video files a browser plays as they are."""

from __future__ import annotations

from pathlib import Path

MIME_TYPES = {".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/mp4", ".webm": "video/webm"}
_CODECS = frozenset({"h264", "vp8", "vp9", "av1"})
_PIXELS = frozenset({"yuv420p", "yuvj420p"})


def browser_plays(path: Path) -> bool:
    """Whether current browsers play a file: its container, its codec and its pixels are common, and
    it has one video stream.
    """
    import av

    if path.is_dir() or path.suffix.lower() not in MIME_TYPES:
        return False
    try:
        with av.open(f"file:{path}", options={"protocol_whitelist": "file"}) as container:
            streams = container.streams.video
            if len(streams) != 1 or streams[0].codec_context is None:
                return False
            context = streams[0].codec_context
            return context.name in _CODECS | {"libdav1d"} and context.pix_fmt in _PIXELS
    except (OSError, av.error.FFmpegError):
        return False
