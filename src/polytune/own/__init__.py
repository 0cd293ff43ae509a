"""A base, source or benchmark of the user's own: looked at, checked, and written into the user's configuration."""
