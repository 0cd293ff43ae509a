"""Costs: what Snakemake's list of jobs will take, and what finished runs have used."""
