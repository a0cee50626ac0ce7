"""What a release will cost, and what it has cost."""
