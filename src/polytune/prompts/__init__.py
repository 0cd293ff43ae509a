"""Prompt sets: open-ended questions per language, in one layout whatever file they come from."""
