"""Ask for a retrain for reasons that no look at the traffic can find."""
