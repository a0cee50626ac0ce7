"""What orchestration costs, and how long commands take to start."""
