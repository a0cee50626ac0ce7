"""Defects in what every provider inherits: tokens, errors, and refusals of what is not on offer."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

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
        killers=("endpoint_traffic::test_a_split_or_a_mirror_that_is_not_on_offer_is_refused",),
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
