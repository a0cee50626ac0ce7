"""What puts the flows on a Prefect server."""
