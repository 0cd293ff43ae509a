"""Analysis: tidy scores and the statistics of the studies."""
