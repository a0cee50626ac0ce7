"""What the service says to a run that its model allows, but its rules do not."""

from __future__ import annotations

import re

from blocks.providers.databricks.emulator.node_types import require_node_type, require_runtime
from blocks.providers.databricks.emulator.operations import Said
from blocks.providers.databricks.emulator.pools import InstancePools
from blocks.providers.databricks.emulator.refusals import Refused, invalid

_LONGEST_PARAMETERS, _LONGEST_NAME = 10_000, 4096  # bytes
_KEY = re.compile(r"[\w-]{1,100}", re.ASCII)
_PLACES = ("/", "dbfs:/", "s3://", "abfss://", "gs://")
_TAGS = 45  # of a cluster
_SINGLE = {"spark.databricks.cluster.profile": "singleNode"}
_MOUNTING = ("SINGLE_USER", "DATA_SECURITY_MODE_DEDICATED", "DATA_SECURITY_MODE_STANDARD")


def check_run(body: Said, pools: InstancePools) -> None:
    """Raise Refused for a run that would never be."""
    check_task_of(body, pools)
    if len(body.get("run_name", "").encode()) > _LONGEST_NAME:
        raise invalid(f"run_name has more than {_LONGEST_NAME} bytes.")


def check_task_of(body: Said, pools: InstancePools) -> None:
    """Raise Refused for a task, of a run or a job, that would never be run."""
    tasks = body.get("tasks") or []
    if len(tasks) != 1:
        raise Refused("NOT_IMPLEMENTED", "only runs of one task are emulated", 501)
    task = tasks[0]
    if not (task.get("spark_python_task") or task.get("python_wheel_task")):
        raise Refused("NOT_IMPLEMENTED", "only Python files and wheels are emulated", 501)
    if not _KEY.fullmatch(task["task_key"]):
        raise invalid("task_key: letters, digits, '-' and '_', 100 of them at most.")
    file = (task.get("spark_python_task") or {}).get("python_file")
    if file is not None and not file.startswith(_PLACES):
        raise invalid(f"python_file {file!r} is neither a URI nor an absolute path.")
    parameters = (task.get("spark_python_task") or task["python_wheel_task"]).get("parameters", [])
    if sum(len(each.encode()) for each in parameters) > _LONGEST_PARAMETERS:
        raise invalid(f"The parameters have more than {_LONGEST_PARAMETERS} bytes.")
    cluster, environment = task.get("new_cluster"), task.get("environment_key")
    if cluster and environment:
        raise invalid("environment_key is for serverless tasks: new_cluster must not be given.")
    if environment:
        _check_serverless(task, body.get("environments") or [])
    elif not cluster:
        raise invalid("Task must have a cluster: new_cluster is missing.")
    else:
        pools.check(cluster)
        _check_cluster(cluster)


def _check_serverless(task: Said, environments: list[Said]) -> None:
    if task.get("libraries"):
        raise invalid("Libraries field is not supported for serverless task, use environments.")
    specs = {each["environment_key"]: each.get("spec") or {} for each in environments}
    spec = specs.get(task["environment_key"])
    if spec is None:
        raise invalid(f"The environment_key {task['environment_key']} is not among environments.")
    if not (spec.get("environment_version") or spec.get("client")):
        raise invalid("environment_version must be given for an environment.")


def _check_cluster(cluster: Said) -> None:
    needed = (
        ("spark_version",) if cluster.get("instance_pool_id") else ("spark_version", "node_type_id")
    )
    for name in needed:
        if not cluster.get(name):
            raise invalid(f"Cluster validation error: Missing required field: settings.{name}")
    require_runtime(cluster["spark_version"])
    for name in ("node_type_id", "driver_node_type_id"):
        if cluster.get(name):
            require_node_type(cluster[name])
    _check_count(cluster)
    if len(cluster.get("custom_tags") or {}) > _TAGS:
        raise invalid(f"Cluster validation error: a cluster has {_TAGS} custom tags at most.")
    single = (cluster.get("spark_conf") or {}).items() >= _SINGLE.items()
    if not (cluster.get("num_workers") or cluster.get("autoscale") or single):
        raise invalid("Cluster validation error: num_workers 0 is for single-node clusters only.")
    if cluster.get("data_security_mode") not in _MOUNTING:
        raise invalid("Volumes are mounted where data_security_mode is SINGLE_USER or standard.")


def _check_count(cluster: Said) -> None:
    scale = cluster.get("autoscale") or {}
    if scale and cluster.get("num_workers"):
        raise invalid("Cluster validation error: give either num_workers or autoscale.")
    least, most = scale.get("min_workers") or 0, scale.get("max_workers") or 0
    if (cluster.get("num_workers") or 0) < 0 or least < 0 or least > most:
        raise invalid("Cluster validation error: the number of workers makes no sense.")
    percent = (cluster.get("aws_attributes") or {}).get("spot_bid_price_percent")
    if percent is not None and not 0 < percent <= 10_000:
        raise invalid("spot_bid_price_percent must be between 1 and 10000.")
