"""Somebody says yes before a version gets traffic."""
