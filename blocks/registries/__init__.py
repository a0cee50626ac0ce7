"""Model registries that several providers share."""
