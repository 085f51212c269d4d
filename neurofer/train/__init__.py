"""Recipes: from a prepared store to a run folder with weights, configuration and card."""
