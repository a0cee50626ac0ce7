"""How much drift detection costs, and how often it is right."""
