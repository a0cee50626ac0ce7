"""Check a specification against the platform it is going to run on."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks import showing
from tasks.specification.checks import Surroundings, check
from tasks.specification.problems import SpecificationRefused
from tasks.specification.spec import ReleaseSpec


@task(name="check", task_run_name="check", cache_policy=NO_CACHE)
def check_specification(spec: ReleaseSpec, around: Surroundings) -> str:
    """Return the specification's digest. Raises SpecificationRefused with every problem."""
    problems = check(spec, around)
    if problems:
        showing.table(
            "specification",
            [problem.model_dump() for problem in problems],
            f"{len(problems)} problems; nothing was started",
        )
        raise SpecificationRefused(problems)
    return spec.digest()
