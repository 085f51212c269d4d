"""From a clip of a micro-expression to its key frames: instants, frames, optical flow, and their kin made of events."""
