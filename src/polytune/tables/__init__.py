"""Tables: what a study prints."""
