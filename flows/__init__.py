"""What runs, in which order."""

import os
from importlib import import_module

from blocks.threads import WAIT_PASSIVELY

# Whoever runs a flow (the command line, a worker, a script) imports this package first.
os.environ.update({**WAIT_PASSIVELY, **os.environ})
if os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
    import_module("flows.telemetry").send()
if _place := os.environ.get("BLUEWATER_LOG_JSON"):
    import_module("flows.logs").write(_place)
if os.environ.get("PREFECT__FLOW_RUN_ID"):  # a worker has started this, and reads what it prints
    import_module("flows.streams").outlive_reader()
