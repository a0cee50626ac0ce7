"""Pages and pictures about bluewater, and what makes them."""
