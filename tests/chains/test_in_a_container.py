"""A release in a container of our image, started by Prefect's own worker for Docker.

Any engine that speaks Docker's API will do (``DOCKER_HOST``), Podman's service too. Where no
registry can be reached, ``BLUEWATER_BASE_IMAGE`` names an image with Python that is there; one that
was built before is tried as it is if ``BLUEWATER_IMAGE`` names it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
import yaml
from docker.errors import APIError, DockerException, ImageNotFound

from blocks.contracts import CONTRACTS, Endpoints, ModelRegistry, ObjectStore
from blocks.platform import Platform
from blocks.providers.aws.rehearsal import AwsRehearsal
from blocks.workspace import HOME
from flows.rehearsal import platform_of
from tests.chains.clouds import CLOUDS
from tests.chains.command import ROOT, run
from tests.chains.project import make_project
from tests.chains.server import Server
from tests.crashes.world import SAVE

BASE = os.environ.get("BLUEWATER_BASE_IMAGE", "python:3.12-slim")
BUILT = os.environ.get("BLUEWATER_IMAGE", "")
IMAGE = BUILT or "bluewater-under-test:1"
HOST = ("network_mode=host", "image_pull_policy=Never", "auto_remove=false")


def engine() -> docker.DockerClient | None:
    try:
        found = docker.from_env(timeout=3600)
        found.ping()
    except DockerException:
        return None
    return found


ENGINE = engine()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(7200),
    pytest.mark.skipif(ENGINE is None, reason="no container engine answers at DOCKER_HOST"),
]


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    """Build the image as the page of deployments says; without its base there is nothing to do."""
    assert ENGINE is not None
    if not BUILT:
        build(ENGINE)
    yield IMAGE
    for each in ENGINE.containers.list(all=True, filters={"ancestor": IMAGE}):
        each.remove(force=True)


def build(engine: docker.DockerClient) -> None:
    try:
        engine.images.get(BASE)
    except ImageNotFound:
        try:
            engine.images.pull(BASE)
        except APIError as error:
            pytest.skip(f"{BASE} is not here and cannot be fetched: {error}")
    arguments, file = {"BASE": BASE, "EXTRA": "aws"}, "deployments/Dockerfile"
    engine.images.build(
        path=str(ROOT), dockerfile=file, tag=IMAGE, buildargs=arguments, network_mode="host"
    )


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Yield what a process has to be told to find an emulated account; this one is told it."""
    with AwsRehearsal(tmp_path / "aws") as rehearsal:
        told = dict(rehearsal.environment())
        del told[HOME]
        for name, value in told.items():
            monkeypatch.setenv(name, value)
        yield told


def in_the_store(specification: Path, store: ObjectStore) -> Path:
    """Bring a project to the platform's store, where a container finds it."""
    folder, root = specification.parent, f"{store.root}/project"
    for file in folder.rglob("*"):
        if file.is_file():
            store.write(f"{root}/{file.relative_to(folder)}", file.read_bytes())
    told = yaml.safe_load(specification.read_text())
    for section, field in (
        ("data", "train"),
        ("data", "holdout"),
        ("validation", "suite"),
        ("training", "source"),
        ("rollout", "smoke_request"),
    ):
        told[section][field] = f"{root}/{told[section][field]}"
    written = folder / "in-the-store.yaml"
    written.write_text(yaml.safe_dump(told))
    return written


def prefect(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=3000,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


def test_a_worker_starts_our_image_and_the_release_in_it_goes_live(
    image: str, account: dict[str, str], prefect_api: str, tmp_path: Path, workspace: Path
) -> None:
    assert ENGINE is not None
    server, platform = Server.in_force(), platform_of("aws")
    made = in_the_store(make_project(tmp_path / "project"), platform.connect(ObjectStore))
    save(platform)
    prefect("work-pool", "create", "docker-boxes", "--type", "docker")
    variables = [*HOST, *(f"env.{name}={value}" for name, value in account.items())]
    run(
        *("deploy", str(made), "--platform", "crashes", "--pool", "docker-boxes"),
        *("--image", image),
        *(word for each in CLOUDS["aws"].machines for word in ("--set", each)),
        *(word for each in variables for word in ("--variable", each)),
        workspace=workspace,
        api=prefect_api,
        within=600,
    )
    id_ = server.start("release/small", run="boxed")
    worker = ("worker", "start", "--pool", "docker-boxes", "--type", "docker", "--run-once")
    said = prefect(*worker, "--install-policy", "never")
    assert server.run(id_)["state_type"] == "COMPLETED", f"{server.logs(id_)}\n{said[-2000:]}"
    [ours] = ENGINE.containers.list(all=True, filters={"label": f"io.prefect.flow-run-id={id_}"})
    assert ours.attrs["State"]["ExitCode"] == 0
    assert IMAGE in str(ours.attrs["Config"]["Image"])
    assert dict(platform.connect(Endpoints).traffic("small").percent) == {"v1": 100}
    champion: Any = platform.connect(ModelRegistry).resolve("small", "champion")
    assert champion.version == "1"


def save(platform: Platform) -> None:
    """Save a platform that is configured by the environment, by the name of ``crashes``."""
    capabilities = {each.capability for each in CONTRACTS}
    refs = platform.model_dump_json(include=capabilities, exclude_none=True)
    words = [sys.executable, "-c", SAVE, refs, ""]
    subprocess.run(words, cwd=ROOT, check=True, timeout=600)
