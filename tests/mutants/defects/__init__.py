"""Defects that somebody could well make, and the conformance tests that must notice them."""

from tests.mutants.defects import accounting, contracts, jobs, keeping, serving

MUTANTS = (
    *contracts.CONTRACTS,
    *jobs.TRAINING,
    *jobs.BATCH,
    *keeping.STORES,
    *keeping.SECRETS,
    *keeping.MODELS,
    *serving.ENDPOINTS,
    *accounting.PRICES,
    *accounting.INVENTORY,
)
