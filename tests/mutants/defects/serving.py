"""Defects in endpoints: what is served, and to whom."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

ENDPOINTS = (
    Mutant(
        name="a split that moved meanwhile is overwritten",
        file="providers/local/endpoints.py",
        before="if etag != now.traffic().etag and not (not etag and not now.moves):",
        after="if False:",
        killers=("endpoint_traffic::test_a_split_that_changed_meanwhile_is_not_overwritten",),
    ),
    Mutant(
        name="a variant that is not ready gets traffic",
        file="providers/local/endpoints.py",
        before="if state is None or not state.ready:",
        after="if wanted is None:",
        killers=("endpoint_traffic::test_only_what_is_ready_gets_traffic",),
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
        killers=("endpoint_traffic::test_a_user_stays_on_one_variant",),
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
