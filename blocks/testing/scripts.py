"""Training scripts that benches move."""

# Waits for a file named by its token: empty means succeed, a text is the reason to fail.
WAITS_FOR_A_LEVER = """
import time
from pathlib import Path
from blocks.workload import Job

with Job.from_environment() as job:
    print("waiting for a lever", flush=True)
    lever = Path(f"{job.token}.lever")
    while not lever.exists():
        job.stop_if_noticed()
        time.sleep(0.02)
    reason = lever.read_text()
    if reason:
        raise ValueError(reason)
    model = Path(f"{job.token}.model")
    model.mkdir()
    (model / "weights").write_text("0.5")
    job.succeed(model=model, metrics={"auc": 0.9})
"""
