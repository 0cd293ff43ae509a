"""Imports: results that were measured elsewhere, read into tidy scores with their provenance."""
