"""Late flights: a whole project on real data."""
