"""Polytune: studies of multilingual instruction tuning as one Snakemake workflow."""

from pathlib import Path

__version__ = "0.1.0"

ROOT = Path(__file__).resolve().parents[2]
"""The checkout that Polytune runs from: it is installed from it (`pip install -e .`), with its tables and schemas."""
