"""Checks that data suggests by itself: a profile by batch, and a suite that people review."""
