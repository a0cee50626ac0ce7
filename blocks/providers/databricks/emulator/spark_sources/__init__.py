"""Where Spark finds what it has no jar for: every module here is a source by its name."""
