"""Costs: what a plan will take, and what finished runs took."""
