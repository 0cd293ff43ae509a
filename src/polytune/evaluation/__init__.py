"""Evaluation: lm-evaluation-harness tasks with a faster, equal model class."""
