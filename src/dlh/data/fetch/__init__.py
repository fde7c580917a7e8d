"""Downloads and archives: verified, resumed, and checked before anything is unpacked."""
