"""Drift: mergeable profiles, distances, calibrated alarms, performance with and without labels."""
