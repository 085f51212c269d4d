"""The parts of ``neurofer.hardware.compare``: what is run, counted, timed, estimated, and how it is told."""
