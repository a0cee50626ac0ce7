"""Score a data set with a registered version."""
