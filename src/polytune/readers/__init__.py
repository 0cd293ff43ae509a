"""Readers: every text that comes from outside, read in one way."""
