"""Videos in, clips out.

Read ``clips.py`` first: it defines a source of clips. ``worlds/`` generates them; ``store/`` holds
videos on disk and draws clips from them; ``video/`` reads video files (``decode.open_video``);
``named/`` has manifests; ``published/`` and ``fetch/`` bring public data sets. Nothing is imported
here, so that the rest starts fast.
"""
