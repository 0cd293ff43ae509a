"""Polytune: studies of multilingual instruction tuning as one Snakemake workflow."""

__version__ = "0.1.0"
