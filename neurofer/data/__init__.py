"""Data sets and made-up faces as clips, the store they are prepared into, and splits by subject."""
