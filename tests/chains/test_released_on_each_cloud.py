"""The flights go live on an emulated cloud: of all chains the quick one.

It is played in this process, in a world that is forked; the others play the command line, too. It
takes a processor for a minute or two, so that each cloud is played for each change, and the other
ways to train and serve on it with the slow chains.
"""

from __future__ import annotations

from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

from blocks import registry
from blocks.contracts import NEEDED
from blocks.emulation.rehearsing import RECLAIM
from examples.flights.prepare import prepare
from flows.rehearsal import player, rehearse
from tests.chains.clouds import CLOUDS

FLIGHTS = Path(__file__).parents[2] / "examples" / "flights"
EVERYTHING = {contract.capability for contract in NEEDED}
WHOLE = [name for name in CLOUDS if set(registry.provider(name).capabilities) >= EVERYTHING]
EACH_CHANGE = ("aws", "azure", "databricks", "gcp")
PLAYED = [
    pytest.param(name, marks=() if name in EACH_CHANGE else pytest.mark.slow) for name in WHOLE
]
SHORT = (
    'training.parameters={rounds: "30", leaves: "15", learning_rate: "0.08"}',  # half of them
    "rollout.steps=[25, 100]",
    "rollout.step_duration=PT3S",
    "rollout.bake=PT2S",
    "rollout.look_every=PT0.5S",
    "rollout.shadow=null",  # not every cloud copies requests
    "rollout.serving.token_secret=null",  # nor does every one leave it to the model to ask for it
)


@pytest.fixture(scope="module")
def specification(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = tmp_path_factory.mktemp("project") / "flights"
    copytree(FLIGHTS, project, ignore=ignore_patterns("data", "__pycache__"))
    prepare(project / "data")
    return project / "release.yaml"


@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize("provider", PLAYED)
def test_a_second_version_takes_over_under_load_though_its_machine_was_taken(
    provider: str, specification: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(player(provider), "preloaded", True)
    changes = (*SHORT, *CLOUDS[provider].machines)
    report = rehearse(provider, specification, changes=changes, faults=[RECLAIM], per_second=15)
    rollout = report.release.rollout
    assert rollout.outcome == "live", rollout.why
    assert report.release.model.version == "2"
    assert report.faults == {RECLAIM: 1}
    assert set(report.answers) == {"200"}
    assert report.removed > 0
    assert report.left == ()
