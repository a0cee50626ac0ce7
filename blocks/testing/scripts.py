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

# Saves at every start how many there were; ends well at the second one.
COUNTS_ITS_STARTS = """
import time
from pathlib import Path
from blocks.workload import Job

with Job.from_environment() as job:
    start = job.checkpoints.latest()
    starts = int((start.folder / "starts").read_text()) + 1 if start else 1
    with job.checkpoints.saving(starts) as folder:
        (folder / "starts").write_text(str(starts))
    print(f"start {starts}", flush=True)
    while starts < 2:
        job.stop_if_noticed()
        time.sleep(0.02)
    model = Path(f"{job.token}.model")
    model.mkdir()
    (model / "weights").write_text("1")
    job.succeed(model=model, metrics={"starts": starts})
"""

# Tells how long the one file of its data is.
READS_ONE_FILE = """
from pathlib import Path
from blocks.workload import Job

with Job.from_environment() as job:
    model = Path("made")
    model.mkdir()
    (model / "weights").write_text("1")
    job.succeed(model=model, metrics={"letters": len(job.data.read_text())})
"""
