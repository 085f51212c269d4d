"""Spotting in films and recordings of any length."""
