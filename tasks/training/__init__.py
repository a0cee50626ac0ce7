"""Train a model on cheap machines that may be taken away."""
