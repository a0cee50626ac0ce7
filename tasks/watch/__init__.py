"""Watch what serves: drift, data quality, performance, and when to ask for a retrain."""
