"""Training of micro-expression recognisers: pairs first, then classes."""
