"""Instruction sources: reading, checking and tokenising, once per language."""
