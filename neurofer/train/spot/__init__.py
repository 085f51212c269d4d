"""Training of the spotter, the 3D-CNN with temporally oriented reference frames."""
