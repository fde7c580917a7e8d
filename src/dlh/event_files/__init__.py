"""Events as the files that other programs open: values in, text out; and labels read back.

No torch, no video and no disk in here: a caller writes what these functions return.
"""
