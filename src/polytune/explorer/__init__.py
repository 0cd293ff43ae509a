"""One HTML file in which the results of all studies can be looked at without a network."""
