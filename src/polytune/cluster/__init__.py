"""Running on clusters: launching ranks, guarding against second copies, costs before and after. Imports no stage."""
