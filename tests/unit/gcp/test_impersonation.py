"""Acting as a service account: its tokens end, and are made again before they do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from google.auth import _helpers

from blocks.contracts import Denied, Phase, RunKey, TrainingJobs, Unavailable
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.bench import TOKEN
from blocks.providers.gcp.emulator.launch import Project
from blocks.providers.gcp.gcs import PART
from blocks.providers.gcp.store import GcpStore
from blocks.providers.gcp.training import VertexTraining

FLOWS = "flows@rehearsal-project.iam.gserviceaccount.com"
KEY = RunKey(run="run-1", step="train")
GENERATE, GET = "iamcredentials:GenerateAccessToken", "aiplatform:GetCustomJob"
TAKES = "iam.serviceAccounts.getAccessToken"


def again(account: GcpAccount, **changes: Any) -> GcpAccount:
    """Return an account as another process would build it."""
    settings = {name: getattr(account, name) for name in GcpAccount.model_fields}
    return GcpAccount(**{**settings, **changes})


@pytest.fixture
def acting(account: GcpAccount, emulator: Project) -> GcpAccount:
    """Return the account of somebody who acts as the flows' service account, for five minutes."""
    return again(account, impersonate=FLOWS, iam_endpoint=emulator.url, token_minutes=5)


@pytest.fixture
def pass_time(emulator: Project, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return what moves the cloud's clock, and ours with it unless it is told not to."""
    now, passed = _helpers.utcnow, [timedelta(0)]

    def move(by: timedelta, *, ours: bool = True) -> None:
        emulator.pull("advance", seconds=by.total_seconds())
        if ours:
            passed[0] += by
            monkeypatch.setattr(_helpers, "utcnow", lambda: now() + passed[0])

    return move


def made(emulator: Project) -> int:
    return sum(each["call"] == GENERATE and each["status"] == 200 for each in emulator.calls())


def test_a_wait_that_outlives_many_tokens_goes_on(
    bench: Any, acting: GcpAccount, emulator: Project, pass_time: Callable[..., None]
) -> None:
    jobs = VertexTraining(account=acting)
    bench.begin(ref := jobs.submit(bench.training_request(), key=KEY))
    assert made(emulator) == 1
    for count in (2, 3):
        pass_time(timedelta(hours=2))
        assert jobs.status(ref).phase is Phase.RUNNING
        assert made(emulator) == count
    bench.succeed(ref)
    assert jobs.status(ref).phase is Phase.SUCCEEDED
    callers = {each["key"] for each in emulator.calls() if each["call"] == GET}
    assert FLOWS in callers
    assert TOKEN not in callers
    makers = {each["key"] for each in emulator.calls() if each["call"] == GENERATE}
    assert makers == {TOKEN}


def test_a_token_that_is_over_is_good_for_nothing(
    bench: Any, acting: GcpAccount, pass_time: Callable[..., None]
) -> None:
    """What the test before this one shows would else be shown by any token."""
    jobs = VertexTraining(account=acting)
    ref = jobs.submit(bench.training_request(), key=KEY)
    pass_time(timedelta(hours=2), ours=False)
    with pytest.raises(Denied) as caught:
        jobs.status(ref)
    assert caught.value.code == "UNAUTHENTICATED"


def test_who_may_not_act_as_the_account_is_refused(
    bench: Any, acting: GcpAccount, emulator: Project, pass_time: Callable[..., None]
) -> None:
    """At once and, where the grant was taken away, also after it worked for a while."""
    request = bench.training_request()
    ref = VertexTraining(account=acting).submit(request, key=KEY)
    late = VertexTraining(account=acting)
    assert late.status(ref)
    emulator.pull("policy", key=TOKEN, actions=["aiplatform.*", "storage.*"])
    pass_time(timedelta(hours=2))
    fresh = VertexTraining(account=again(acting))
    for jobs in (late, fresh):
        with pytest.raises(Denied, match=TAKES) as caught:
            jobs.status(ref)
        assert caught.value.code == "PERMISSION_DENIED"
    assert bench.created("training") == 1


def test_the_account_may_no_more_than_its_own_roles(
    bench: Any, acting: GcpAccount, emulator: Project
) -> None:
    emulator.pull("policy", key=FLOWS, actions=["storage.*"])
    jobs: TrainingJobs = VertexTraining(account=acting)
    with pytest.raises(Denied) as caught:
        jobs.submit(bench.training_request(), key=KEY)
    assert caught.value.code == "PERMISSION_DENIED"


def test_files_that_are_open_are_read_as_the_account_by_tokens_that_are_used_up(
    bench: Any, acting: GcpAccount, emulator: Project, pass_time: Callable[..., None]
) -> None:
    store = GcpStore(account=acting)
    store.write(uri := f"{acting.root}/large", bytes(5 * PART))
    with store.open(uri) as file:
        assert len(file.read(3 * PART)) == 3 * PART
        assert made(emulator) == 1
        pass_time(timedelta(hours=2))
        assert len(file.read()) == 2 * PART
    assert made(emulator) == 2
    assert {each["key"] for each in emulator.calls("storage:objects.get")} == {FLOWS}


def test_an_outage_of_iam_is_no_refusal(bench: Any, acting: GcpAccount, emulator: Project) -> None:
    emulator.fault("unavailable", call=GENERATE)
    jobs = VertexTraining(account=acting)
    with pytest.raises(Unavailable):
        jobs.submit(bench.training_request(), key=KEY)
    assert jobs.submit(bench.training_request(), key=KEY)
