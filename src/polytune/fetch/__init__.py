"""Fetch: the one step with a network."""
