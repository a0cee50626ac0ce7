"""The model server: one process serves one replica of one version, by the endpoint's contract."""
