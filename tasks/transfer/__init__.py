"""Bring what lies on this machine to the platform's store, and models from there to here."""
