"""Running on clusters: launching ranks, guarding against second copies, a check of nodes. Imports no stage."""
