"""Do a part of a release as a job of the platform, near the data."""
