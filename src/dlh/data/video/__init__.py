"""Video files, image folders and arrays: frames in, frames out."""
