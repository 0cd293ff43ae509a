"""Scores: everything that was measured, as tidy tables."""
