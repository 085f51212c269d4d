"""One file a format: each opens a file as a ``Source`` of raw blocks, in the order of the file."""
