"""Defects in jobs: they are started twice, lost, or misjudged."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

TRAINING = (
    Mutant(
        name="a job that is there already is not found",
        file="providers/local/training.py",
        before="        folder = self._folder(token)\n        if not folder.exists:",
        after=(
            "        folder = self._folder(token := uuid.uuid4().hex)\n"
            "        if not folder.exists:"
        ),
        killers=("training::test_submitting_twice_starts_one_job",),
    ),
    Mutant(
        name="several nodes are on offer, and one runs",
        file="providers/local/training.py",
        before="multi_node=False",
        after="multi_node=True",
        killers=("training_offers::test_several_nodes_are_kept_or_refused",),
    ),
    Mutant(
        name="the zone that was asked for is dropped",
        file="providers/local/runner.py",
        before='{"BLUEWATER_ZONE": request.zone} if request.zone',
        after='{"BLUEWATER_ZONE": request.zone} if False',
        killers=("training_offers::test_a_zone_is_kept_or_refused",),
    ),
    Mutant(
        name="a machine that was taken back is a failure",
        file="providers/local/verdict.py",
        before='_ended(Phase.INTERRUPTED, "RECLAIMED"',
        after='_ended(Phase.FAILED, "RECLAIMED"',
        killers=("training_offers::test_spot_is_kept_or_refused",),
    ),
    Mutant(
        name="an interruption is not counted",
        file="providers/local/observe.py",
        before="interruptions=int(ended.phase is Phase.INTERRUPTED)",
        after="interruptions=0",
        killers=("training::test_lost_capacity_is_an_interruption_not_a_failure",),
    ),
    Mutant(
        name="a job that ends well without a model goes on elsewhere",
        file="workload/exits.py",
        before='Exit(interrupted=False, code="NO_OUTCOME"',
        after='Exit(interrupted=True, code="NO_OUTCOME"',
        killers=("training_code::test_a_job_that_ends_well_but_leaves_no_outcome_has_failed",),
    ),
    Mutant(
        name="the exit status is lost",
        file="workload/exits.py",
        before='code=f"EXIT_{status}", message=last_lines.strip()',
        after='code="FAILED", message="it failed"',
        killers=("training_code::test_a_job_that_just_exits_fails_with_its_last_words",),
    ),
    Mutant(
        name="an attempt is judged by the last word of another",
        file="workload/outcome.py",
        before='return f"outcome-{token}.json" if token else "outcome.json"',
        after='return "outcome.json"',
        killers=("training::test_no_attempt_is_judged_by_the_last_word_of_another",),
    ),
    Mutant(
        name="cancelling an unknown job fails",
        file="providers/local/training.py",
        before=(
            "        folder = self._folder(ref.id)\n"
            "        job = folder.read(Job)\n"
            "        if job is not None:\n"
            "            self._stop("
        ),
        after=(
            "        folder, job = self._known(ref)\n"
            "        if job is not None:\n"
            "            self._stop("
        ),
        killers=("training::test_an_unknown_job_is_not_found_but_may_be_cancelled",),
    ),
    Mutant(
        name="logs are told from their beginning each time",
        file="providers/local/joblog.py",
        before="if since is None or at > since:",
        after="if True:",
        killers=("training_code::test_logs_are_told_in_order_and_only_once",),
    ),
    Mutant(
        name="a secret that is missing is told when the job runs",
        file="providers/local/training.py",
        before="    path_of(request.checkpoint_uri), path_of(request.output_uri)\n"
        "    _secret_values(request)\n",
        after="    path_of(request.checkpoint_uri), path_of(request.output_uri)\n",
        killers=("training_code::test_a_missing_secret_is_told_before_anything_starts",),
    ),
    Mutant(
        name="usage is guessed, not metered",
        file="providers/local/observe.py",
        before="        seconds=reading.seconds,\n",
        after="        seconds=0.0,\n",
        killers=("training::test_usage_is_metered",),
    ),
)

BATCH = (
    Mutant(
        name="spot is on offer for batch jobs, and they are not on spot",
        file="providers/local/batch.py",
        before="idempotency=Idempotency.NAMED, spot=False",
        after="idempotency=Idempotency.NAMED, spot=True",
        killers=("batch::test_spot_is_kept_or_refused",),
    ),
    Mutant(
        name="a batch job loads a model whatever its digest",
        file="serving/loading.py",
        before="    if (found := digest(folder)) != registered:",
        after="    if (found := registered) != registered:",
        killers=("batch_data::test_a_model_that_is_not_what_was_registered_is_not_loaded",),
    ),
    Mutant(
        name="a batch job begins again from its first file",
        file="serving/batch.py",
        before="    return bool(metadata.get(_MARK) == mark)",
        after="    return False",
        killers=("batch::test_the_next_attempt_goes_on_after_the_last_finished_file",),
    ),
    Mutant(
        name="a batch job keeps what another model scored",
        file="serving/batch.py",
        before="    return bool(metadata.get(_MARK) == mark)",
        after="    return True",
        killers=("batch_data::test_another_model_scores_again",),
    ),
)
