"""The script that a machine runs at its first start. Nothing in it is secret."""

from __future__ import annotations

import math
import shlex
from datetime import timedelta

_ROOM = timedelta(hours=1)  # for the start, and to carry a model away

# The kit comes as a zip file, and Python runs programs from one.
_BOOT = """\
import boto3, os, runpy, sys
bucket, _, key = sys.argv.pop(1).removeprefix("s3://").partition("/")
boto3.client("s3").download_file(bucket, key, "kit.zip")
kit = os.path.abspath("kit.zip")
sys.path.insert(0, kit)
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [kit, os.environ.get("PYTHONPATH")]))
runpy.run_module("blocks.workload.instance", run_name="__main__")
"""


def user_data(
    *, kit: str, record: str, region: str, python: str, setup: str, max_duration: timedelta
) -> str:
    """Return the script. Whatever goes wrong in it, it ends the machine, at the latest by a timer.

    The timer is the system's own, so that a machine that hangs costs no more than that.
    """
    latest = math.ceil((max_duration + _ROOM) / timedelta(minutes=1))
    start = shlex.join([python, "-c", _BOOT, kit, record])
    return f"""\
#!/bin/sh
shutdown -h +{latest}
(
set -e
export AWS_DEFAULT_REGION={shlex.quote(region)} AWS_REGION={shlex.quote(region)}
export AWS_METADATA_SERVICE_TIMEOUT=5 AWS_METADATA_SERVICE_NUM_ATTEMPTS=5
mkdir -p "$BLUEWATER_ROOT/var/lib/bluewater"
cd "$BLUEWATER_ROOT/var/lib/bluewater"
{setup}
{start}
)
shutdown -h now
"""
