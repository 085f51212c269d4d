"""A stream watched while it runs: from a source of events to viewers in a terminal and in a browser."""
