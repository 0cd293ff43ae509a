"""The report that a person opens first."""
