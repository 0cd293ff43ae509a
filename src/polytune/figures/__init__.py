"""Figures and tables of the studies."""
