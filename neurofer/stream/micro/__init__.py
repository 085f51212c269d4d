"""Which micro-expression a new film or recording shows."""
