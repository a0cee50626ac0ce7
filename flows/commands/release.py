"""``bluewater release``: take a model from data to production."""

from __future__ import annotations

from pathlib import Path

import click

from flows.exits import Exit
from flows.release import ReleaseReport, release
from flows.session import platform
from flows.surroundings import surroundings
from flows.terminal import exits, show, tell_rollout
from tasks.approval.answers import NotApproved
from tasks.evaluation.answers import ModelRefused
from tasks.evaluation.report import ChallengerRejected
from tasks.processing.job import ProcessingFailed
from tasks.promotion.promotion import ChampionMoved
from tasks.rollout.driver import NoWayBack
from tasks.rollout.journal import RolloutInProgress, TakenUp
from tasks.specification.loading import load_and_check
from tasks.training.attempts import TooManyInterruptions, TrainingCancelled, TrainingFailed
from tasks.validation.report import DataRejected
from tasks.validation.suite import SuiteRefused

ENDS = (
    (DataRejected, Exit.DATA),
    (SuiteRefused, Exit.USAGE),
    (ProcessingFailed, Exit.PROVIDER),
    (TrainingFailed, Exit.TRAINING),
    (TooManyInterruptions, Exit.TRAINING),
    (TrainingCancelled, Exit.TRAINING),
    (ModelRefused, Exit.CHALLENGER),
    (ChallengerRejected, Exit.CHALLENGER),
    (ChampionMoved, Exit.CHALLENGER),
    (NoWayBack, Exit.CHALLENGER),
    (NotApproved, Exit.NOT_APPROVED),
    (RolloutInProgress, Exit.BUSY),
    (TakenUp, Exit.BUSY),
)
"""What a release may meet, and how its command ends then."""


@exits(*ENDS)
def run(
    *,
    specification: Path,
    changes: tuple[str, ...],
    run: str,
    platform_name: str | None,
    as_json: bool,
) -> Exit:
    """Take the model of SPECIFICATION (a YAML file) from data to production.

    Run again after a crash, it goes on where it was.
    """
    here = platform(platform_name)
    spec = load_and_check(specification, surroundings(here), changes=changes)
    report = release(here, spec, run=run)
    if as_json:
        click.echo(report.model_dump_json(indent=2))
    else:
        tell(report)
    return Exit.OK if report.rollout.live else Exit.RETURNED


def tell(report: ReleaseReport) -> None:
    """Print what a release found and did."""
    show(report.training.table(), title="Training", as_json=False)
    tell_rollout(report.rollout, as_json=False)
    show(report.costs.table(), title="Costs", as_json=False)
