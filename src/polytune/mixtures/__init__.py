"""Mixtures: which rows of which source in which languages, as manifests of a few kilobytes."""
