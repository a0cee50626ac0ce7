"""Compare a new model with the one that serves, on rows that neither was trained on."""
