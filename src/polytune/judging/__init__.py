"""Judging: a judge is shown answers by a protocol, every request is journalled, and what it said becomes verdicts."""
