"""Which version an alias means, and that it is the one that serves."""
