"""Defects that somebody could well make, and the conformance tests that must notice them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One defect: in ``file``, ``before`` (there once) becomes ``after``."""

    name: str
    file: str  # below blocks/
    before: str
    after: str
    killers: tuple[str, ...]  # <module>::<test> below tests/conformance/test_*.py


CONTRACTS = (
    Mutant(
        name="the token is not made from the request",
        file="contracts/operation.py",
        before='self.attempt, request.model_dump(mode="json")]',
        after="self.attempt]",
        killers=("training::test_another_request_under_the_same_key_is_another_job",),
    ),
    Mutant(
        name="the token is not made from the attempt",
        file="contracts/operation.py",
        before="self.step, self.attempt, request",
        after="self.step, request",
        killers=("training::test_another_attempt_is_another_job",),
    ),
    Mutant(
        name="an error of the SDK reaches the caller",
        file="contracts/base.py",
        before="            raise known from error",
        after="            raise",
        killers=("store::test_what_is_not_there_is_not_found",),
    ),
    Mutant(
        name="what a provider's training lacks is not checked",
        file="contracts/training.py",
        before="self.features.require(request)",
        after="pass",
        killers=(
            "training_offers::test_several_nodes_are_kept_or_refused",
            "training_offers::test_the_longest_duration_is_kept_or_refused",
        ),
    ),
    Mutant(
        name="what a provider's batch jobs lack is not checked",
        file="contracts/batch.py",
        before="self.features.require(request)",
        after="pass",
        killers=("batch::test_spot_is_kept_or_refused",),
    ),
    Mutant(
        name="what a provider's endpoints lack is not checked",
        file="contracts/endpoints.py",
        before="            self.features.require_variant(request)\n",
        after="",
        killers=("endpoints::test_what_is_not_on_offer_is_refused_before_anything_starts",),
    ),
    Mutant(
        name="a split that is not on offer is not refused",
        file="contracts/endpoints.py",
        before="            self.features.require_traffic(to)\n",
        after="",
        killers=("endpoints::test_a_split_or_a_mirror_that_is_not_on_offer_is_refused",),
    ),
    Mutant(
        name="one variant is asked where that cannot be",
        file="contracts/endpoints.py",
        before="if variant is not None and not self.features.direct:",
        after="if False:",
        killers=("endpoints::test_one_variant_can_be_asked_past_the_split_or_not_at_all",),
    ),
    Mutant(
        name="a store takes a write that it cannot make conditional",
        file="contracts/store.py",
        before="                self.features.require_conditional_write()\n",
        after="                pass\n",
        killers=("store::test_create_if_absent_is_refused_where_it_is_not_on_offer",),
    ),
    Mutant(
        name="a registry without aliases resolves one",
        file="contracts/models.py",
        before=(
            "            self.features.require_aliases()\n"
            "            return self._resolve(name, alias)"
        ),
        after="            return self._resolve(name, alias)",
        killers=("models::test_aliases_are_refused_where_they_are_not_on_offer",),
    ),
)

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
        killers=("training::test_a_job_that_ends_well_but_leaves_no_outcome_has_failed",),
    ),
    Mutant(
        name="the exit status is lost",
        file="workload/exits.py",
        before='code=f"EXIT_{status}", message=last_lines.strip()',
        after='code="FAILED", message="it failed"',
        killers=("training::test_a_job_that_just_exits_fails_with_its_last_words",),
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
        killers=("training::test_logs_are_told_in_order_and_only_once",),
    ),
    Mutant(
        name="a secret that is missing is told when the job runs",
        file="providers/local/training.py",
        before="    path_of(request.checkpoint_uri), path_of(request.output_uri)\n"
        "    _secret_values(request)\n",
        after="    path_of(request.checkpoint_uri), path_of(request.output_uri)\n",
        killers=("training::test_a_missing_secret_is_told_before_anything_starts",),
    ),
    Mutant(
        name="usage is guessed, not metered",
        file="providers/local/observe.py",
        before="        seconds=reading.seconds,\n",
        after="        seconds=0.0,\n",
        killers=("training::test_usage_is_metered",),
    ),
)

STORES = (
    Mutant(
        name="an object can be read before it is whole",
        file="providers/local/store.py",
        before="            draft.replace(path)\n",
        after="            path.write_bytes(draft.read_bytes())\n",
        killers=("store::test_readers_see_the_old_content_or_the_new",),
    ),
    Mutant(
        name="create-if-absent overwrites",
        file="providers/local/store.py",
        before="            os.link(draft, path)  # fails",
        after="            draft.replace(path)  # fails",
        killers=("store::test_create_if_absent_is_kept_or_refused",),
    ),
    Mutant(
        name="create-if-absent looks first and writes then",
        file="providers/local/store.py",
        before="            os.link(draft, path)  # fails",
        after=(
            "            if path.exists():\n"
            "                raise FileExistsError(path)\n"
            "            draft.replace(path)  # fails"
        ),
        killers=("store::test_of_many_who_create_exactly_one_wins",),
    ),
    Mutant(
        name="removing what is gone fails",
        file="providers/local/store.py",
        before="path_of(uri).unlink(missing_ok=True)",
        after="path_of(uri).unlink()",
        killers=("store::test_remove_may_be_repeated",),
    ),
    Mutant(
        name="objects come in any order",
        file="providers/local/store.py",
        before="sorted(Path(name).as_posix() for name in found)",
        after="sorted((Path(name).as_posix() for name in found), reverse=True)",
        killers=("store::test_walk_yields_what_is_below_in_name_order",),
    ),
)

MODELS = (
    Mutant(
        name="an alias moves for whoever asks last",
        file="registries/ledger.py",
        before="if again or before != wish.replacing or before == wish.to:",
        after="if again or before == wish.to:",
        killers=("models::test_of_many_that_promote_at_once_exactly_one_wins",),
    ),
    Mutant(
        name="a move that was overtaken is not told",
        file="registries/mlflow_registry.py",
        before='        if (now.version if now else "") != replacing:\n'
        "            raise self._conflict(model.name, alias, replacing)\n",
        after='        if (now.version if now else "") != replacing:\n            return\n',
        killers=(
            "models::test_a_promotion_that_was_overtaken_is_a_conflict_that_names_the_winner",
        ),
    ),
    Mutant(
        name="a version that does not exist is promoted",
        file="registries/mlflow_registry.py",
        before="if self.find(model.name, model.version) is None:",
        after="if False:",
        killers=("models::test_an_unknown_version_cannot_be_promoted",),
    ),
    Mutant(
        name="a folder is registered whatever its digest",
        file="registries/mlflow_registry.py",
        before="    if (found := digest(folder)) != wanted:",
        after="    if (found := wanted) != wanted:",
        killers=("models::test_a_folder_that_changed_after_training_is_refused",),
    ),
    Mutant(
        name="nobody looks for a version before making one",
        file="registries/mlflow_registry.py",
        before="        if known := self._with_token(draft.name, token):\n",
        after="        if known := []:\n",
        killers=("models::test_a_replay_needs_no_folder_any_more",),
    ),
)

ENDPOINTS = (
    Mutant(
        name="a split that moved meanwhile is overwritten",
        file="providers/local/endpoints.py",
        before="if etag != now.traffic().etag and not (not etag and not now.moves):",
        after="if False:",
        killers=("endpoints::test_a_split_that_changed_meanwhile_is_not_overwritten",),
    ),
    Mutant(
        name="a variant that is not ready gets traffic",
        file="providers/local/endpoints.py",
        before="if state is None or not state.ready:",
        after="if wanted is None:",
        killers=("endpoints::test_only_what_is_ready_gets_traffic",),
    ),
    Mutant(
        name="a variant with traffic is taken down",
        file="providers/local/endpoints.py",
        before="if now.percent.get(variant) or mirrored:",
        after="if mirrored:",
        killers=("endpoints::test_a_variant_is_retired_once_it_has_no_traffic",),
    ),
    Mutant(
        name="a name that is taken by another request is used",
        file="providers/local/endpoints.py",
        before="            elif known.request != request:\n"
        "                raise _differs(known.request, request)\n",
        after="",
        killers=("endpoints::test_a_name_that_is_taken_by_something_else_is_refused",),
    ),
    Mutant(
        name="why a model does not load is not told",
        file="providers/local/supervisor.py",
        before='"deaths": state.deaths + 1, "message": words',
        after='"deaths": state.deaths + 1, "message": ""',
        killers=(
            "endpoints::test_a_model_that_does_not_load_fails_with_its_cause_and_the_old_one_goes_on",
        ),
    ),
    Mutant(
        name="a mirror is on offer, and nothing is copied",
        file="providers/local/routing.py",
        before="        if mirror is None:\n",
        after="        if mirror is None or True:\n",
        killers=("monitor::test_what_a_mirror_answers_is_counted_apart_or_not_at_all",),
    ),
    Mutant(
        name="users stay on a variant, it is said, and they do not",
        file="providers/local/router.py",
        before="    if serving.user_header:\n",
        after="    if not serving:\n",
        killers=("endpoints::test_a_user_stays_on_one_variant",),
    ),
    Mutant(
        name="more replicas are on offer, and none is added",
        file="providers/local/scaling.py",
        before="min(self._target + 1, self._most)",
        after="min(self._target + 0, self._most)",
        killers=("endpoints::test_it_grows_under_load_or_is_not_asked_to",),
    ),
    Mutant(
        name="answers to copies are counted as live",
        file="serving/calls.py",
        before="mirrored=question.internal",
        after="mirrored=False",
        killers=("monitor::test_what_a_mirror_answers_is_counted_apart_or_not_at_all",),
    ),
    Mutant(
        name="requests are kept, it is said, and they are not",
        file="serving/telemetry.py",
        before="        if self._sampled(request_id):",
        after="        if not request_id:",
        killers=("monitor::test_captured_requests_can_be_read_with_their_predictions",),
    ),
    Mutant(
        name="requests are kept that nobody wanted kept",
        file="serving/telemetry.py",
        before="        if self._sampled(request_id):",
        after="        if request_id:",
        killers=("monitor::test_captured_requests_can_be_read_with_their_predictions",),
    ),
)

OTHERS = (
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
        killers=("batch::test_a_model_that_is_not_what_was_registered_is_not_loaded",),
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
        killers=("batch::test_another_model_scores_again",),
    ),
    Mutant(
        name="a secret is a plain text",
        file="providers/local/secret.py",
        before="            return SecretStr(os.environ[variable])",
        after="            return os.environ[variable]",
        killers=("secrets::test_a_value_is_in_no_repr",),
    ),
    Mutant(
        name="spot costs what on-demand costs",
        file="price_book.py",
        before="(rates.spot_in(zone) if spot else rates.on_demand)",
        after="rates.on_demand",
        killers=("prices::test_spot_is_priced_apart",),
    ),
    Mutant(
        name="time that nobody metered is billed as metered",
        file="price_book.py",
        before="basis=Basis.ESTIMATED if billed is None else Basis.METERED",
        after="basis=Basis.METERED",
        killers=("prices::test_time_that_nobody_metered_is_an_estimate",),
    ),
    Mutant(
        name="what others run is listed as ours",
        file="providers/local/processes.py",
        before="if environment.get(OWNER) == owner and",
        after="if OWNER in environment and",
        killers=("inventory::test_the_work_of_others_is_neither_listed_nor_touched",),
    ),
    Mutant(
        name="batch jobs are not listed",
        file="providers/local/inventory.py",
        before="        yield from self._batch_jobs(running)\n",
        after="",
        killers=("inventory::test_running_work_is_listed_and_finished_work_too",),
    ),
)

MUTANTS = (*CONTRACTS, *TRAINING, *STORES, *MODELS, *ENDPOINTS, *OTHERS)
