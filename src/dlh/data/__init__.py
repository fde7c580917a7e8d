"""Videos in, clips out.

Read ``clips.py`` first: it says what a source of clips gives. ``moving_ball.py`` generates them;
``store.py`` holds videos on disk, ``build.py`` writes such a store, ``source.py`` draws clips from
it, ``decode.py`` reads video files and ``folder.py`` makes a store of a person's own. Nothing is
imported here, so that the rest starts fast.
"""
