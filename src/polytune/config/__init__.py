"""Configuration: the files a user edits, read once and checked."""
