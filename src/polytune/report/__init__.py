"""Report: one page that says what was run, on what, what it showed, and what is missing."""
