"""Figures of recordings, faces, networks and results, without a display and in notebooks."""
