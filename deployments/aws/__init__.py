"""What AWS has to allow, and a platform on it."""
