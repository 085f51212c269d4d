"""Finding expressions in long recordings: from scores of frames to intervals, on plain arrays."""
