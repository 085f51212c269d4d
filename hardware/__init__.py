"""Networks as a neuromorphic chip runs them; importing this imports neither torch nor Lava."""
