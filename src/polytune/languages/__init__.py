"""Languages: one table of codes, URIEL vectors, similarities, selections and sound correspondence."""
