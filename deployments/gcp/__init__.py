"""How bluewater is set up on Google Cloud."""
