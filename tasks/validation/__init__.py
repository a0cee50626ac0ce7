"""Check the data before money is spent on it."""
