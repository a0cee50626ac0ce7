"""What the demo shows: a first version, then a better one that takes over under load."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from blocks.platform import Platform
from blocks.providers.local.endpoints import LocalEndpoints
from blocks.providers.local.rehearsal import Reclaim
from blocks.providers.local.services import LocalServices
from blocks.providers.local.training import LocalTraining
from examples.flights.traffic import Traffic
from flows.commands.release import tell
from flows.release import ReleaseReport, release
from tasks.specification.loading import load

HERE = Path(__file__).parent
REQUESTS_PER_SECOND = 40.0
FAST = (  # minutes become seconds; the policy stays what it is
    "rollout.shadow.duration=PT8S",
    "rollout.step_duration=PT6S",
    "rollout.step_requests=1",
    "rollout.patience=PT20S",
    "rollout.on_little_traffic=go_on",
    "rollout.look_every=PT1S",
    "rollout.bake=PT5S",
    "rollout.rules.warm_up=PT2S",
)
# one question a tree: worse, but as fast and as sure of itself as what comes after it
STUMPS = 'training.parameters={rounds: "60", leaves: "2", learning_rate: "0.3"}'
console = Console()


def main() -> None:
    """Release twice, and show what happened. Ends with 1 if the better version did not get live."""
    pages = LocalServices()
    url = _serving()
    if url:
        console.rule("[bold]1. A version serves already, from a story that was told before")
    else:
        console.rule("[bold]1. A first version: one question a tree, no spot, nobody beside it")
        url = _release("training.spot=null", STUMPS).rollout.url
    pages.start("mlflow")
    console.rule("[bold]2. A better one: its machine is taken away, and it takes over under load")
    token = os.environ["BLUEWATER_SECRET_FLIGHTS_TOKEN"]
    rows = HERE / "data" / "holdout.parquet"
    callers = Traffic(url, token=token, rows=rows, per_second=REQUESTS_PER_SECOND)
    with callers as traffic, Reclaim(LocalTraining(), tell=_announce):
        second = _release()
    console.rule("[bold]What happened")
    tell(second)
    prefect = os.environ["PREFECT_API_URL"].removesuffix("/api")
    _show_links(second, prefect, pages.wait("mlflow").url)
    console.print(f"  log in with   {pages.login_file()}", soft_wrap=True, highlight=False)
    lost = sum(count for status, count in traffic.answers.items() if status != 200)
    who = [f"{name or 'no version'} answered {n:,}" for name, n in traffic.variants.items()]
    console.print(
        f"{traffic.answers.total():,} requests during the second release, {lost} of them lost: "
        + ", ".join(who),
        highlight=False,
    )
    sys.exit(0 if second.rollout.live and not lost else 1)


def _serving() -> str:
    """Return where the version that serves answers, or "" if none does yet."""
    endpoints, name = LocalEndpoints(), load(HERE / "release.yaml").rollout.endpoint
    live = endpoints.traffic(name).percent
    return next((each.url for each in endpoints.variants(name) if live.get(each.name)), "")


def _release(*changes: str) -> ReleaseReport:
    spec = load(HERE / "release.yaml", changes=(*FAST, *changes))
    return release(Platform(name="this machine"), spec, run=f"demo-{time.time():.0f}")


def _announce(what: str) -> None:
    console.print(f"[bold yellow]{what}[/]")


def _show_links(report: ReleaseReport, prefect: str, mlflow: str) -> None:
    model, rollout = report.model, report.rollout
    links: Sequence[tuple[str, str]] = (
        ("Prefect", f"{prefect}/runs"),
        ("MLflow", f"{mlflow}/#/models/{model.name}/versions/{model.version}"),
        ("Data Docs", report.validation.docs_uri),
        ("Evaluation", report.evaluation.plots.get("curves", "")),
        ("Rollout plot", rollout.plot_uri),
        ("Endpoint", f"{rollout.url}/invocations"),
    )
    console.print("Look at it")
    for name, link in links:  # whole, in a terminal of any width, so that they can be opened
        console.print(f"  {name:<13} {link}", soft_wrap=True, highlight=False)


if __name__ == "__main__":
    main()
