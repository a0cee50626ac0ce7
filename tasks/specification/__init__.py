"""What a release is asked to do, checked before anything is started."""
