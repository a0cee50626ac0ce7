"""Deployments fit the work pool that runs them, whatever it starts runs on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import pytest

from blocks.contracts import InvalidRequest
from blocks.platform import Platform
from deployments.pools import Pool, to_variables

TEMPLATES = files("prefect") / "server/api/collections_data/views/aggregate-worker-metadata.json"
IMAGE = "registry.example/bluewater:1"
ON_A_CLOUD = Platform(
    name="prod",
    training="aws-training",
    models="aws-models/prod",
    endpoints="aws-endpoints",
    store="aws-store/prod",
)


def templates() -> Mapping[str, Any]:
    """Return the base job template of each kind of pool that Prefect knows, by kind."""
    known = json.loads(TEMPLATES.read_text())
    return {
        kind: told["default_base_job_configuration"]
        for package in known.values()
        for kind, told in package.items()
    }


KINDS = sorted(templates())
CONTAINERS = [kind for kind in KINDS if kind != "process"]


def pool(kind: str) -> Pool:
    return Pool.of_template("mine", kind, templates()[kind])


@pytest.mark.parametrize("kind", CONTAINERS)
def test_every_kind_of_container_takes_an_image_and_an_environment(kind: str) -> None:
    given = to_variables(["env.BLUEWATER_OWNER=team-a", "env.FLAG=1"])
    told = pool(kind).variables(image=IMAGE, given=given)
    assert told == {"image": IMAGE, "env": {"BLUEWATER_OWNER": "team-a", "FLAG": "1"}}
    pool(kind).require(ON_A_CLOUD)


@pytest.mark.parametrize("kind", CONTAINERS)
def test_a_container_needs_an_image_with_bluewater_in_it(kind: str) -> None:
    with pytest.raises(InvalidRequest, match="--image"):
        pool(kind).variables()
    template = templates()[kind]
    template["variables"]["properties"]["image"]["default"] = IMAGE
    assert Pool.of_template("mine", kind, template).variables() == {}


@pytest.mark.parametrize("kind", CONTAINERS)
def test_what_would_end_with_a_container_is_refused(kind: str) -> None:
    with pytest.raises(InvalidRequest, match="training, models, endpoints, store"):
        pool(kind).require(Platform(name="this machine"))
    mixed = ON_A_CLOUD.model_copy(update={"endpoints": "local-endpoints/here"})
    with pytest.raises(InvalidRequest, match="has its endpoints on"):
        pool(kind).require(mixed)


def test_processes_need_nothing_and_take_no_image() -> None:
    assert pool("process").variables() == {}
    pool("process").require(Platform(name="this machine"))
    with pytest.raises(InvalidRequest, match=r"no variable 'image'; it has command, env"):
        pool("process").variables(image=IMAGE)


def test_a_pool_that_no_worker_has_told_its_variables_is_known_by_its_kind() -> None:
    assert Pool(name="mine", kind="docker").variables(image=IMAGE) == {"image": IMAGE}
    with pytest.raises(InvalidRequest, match="--image"):
        Pool(name="mine", kind="docker").variables()
    assert Pool(name="mine", kind="process").variables() == {}


def test_variables_are_words_with_a_value() -> None:
    assert to_variables(["cpu=1024", "cluster=a=b"]) == {"cpu": 1024, "cluster": "a=b"}
    with pytest.raises(InvalidRequest, match="name=value"):
        to_variables(["cpu"])
    with pytest.raises(InvalidRequest, match="no variable 'gpus'"):
        pool("docker").variables(image=IMAGE, given={"gpus": 1})
