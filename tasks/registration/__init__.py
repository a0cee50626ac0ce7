"""Record a model together with everything it came from."""
