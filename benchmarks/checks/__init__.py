"""Checks derived from data, beside what others derive, on clean weeks and on broken ones."""
