"""Buy machine time by the deadline at the least cost: stay, wait, spot in some zone, on-demand."""
