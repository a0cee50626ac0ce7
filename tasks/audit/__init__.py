"""Who moved what, and why: a log that nobody can change unseen."""
