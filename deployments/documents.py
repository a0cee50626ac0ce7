"""Save a platform, and the blocks it is made of, from this environment.

``python -m deployments.documents prod --provider aws`` makes one block document of that name for
each thing the provider does, and for the account that they share; what each holds is what its
fields take from the environment. Repeated, it brings them up to date. Secrets that a provider reads
when it is used (keys, tokens) stay in the environment, or in fields of a block that you fill in.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import Any

from prefect.blocks.core import Block
from rich.console import Console
from rich.table import Table

from blocks import registry
from blocks.contracts import CONTRACTS, NEEDED, Contract
from blocks.platform import Platform

Chosen = Mapping[type[Contract], str]  # contract -> provider


def main() -> None:
    """Save them on the Prefect server in force, and say what was saved."""
    parser = argparse.ArgumentParser(prog="python -m deployments.documents", description=__doc__)
    parser.add_argument("name", help="what the platform is called, e.g. prod")
    parser.add_argument("--provider", default="local", choices=list(registry.PROVIDERS))
    parser.add_argument(
        "--use",
        action="append",
        default=[],
        metavar="CAPABILITY=PROVIDER",
        help="another provider for one capability, e.g. training=aws-ec2",
    )
    given = parser.parse_args()
    try:
        chosen = choose(given.provider, dict(part.split("=", 1) for part in given.use))
    except (ValueError, registry.UnknownProvider) as error:
        parser.error(str(error))
    shown = Table("document", "holds")
    for document, block in save(given.name, chosen):
        shown.add_row(document, block.get_description() or "")
    Console().print(shown)


def choose(provider: str, others: Mapping[str, str]) -> Chosen:
    """Return who does what: a provider all it can, this machine the rest, ``others`` as said.

    Raises UnknownProvider for what is not there.
    """
    known = {contract.capability: contract for contract in CONTRACTS}
    if unknown := set(others) - set(known):
        raise registry.UnknownProvider(f"no capability {unknown.pop()!r}; use {', '.join(known)}")
    offered = registry.provider(provider).capabilities
    needed = {contract.capability for contract in NEEDED}
    chosen = dict.fromkeys(needed, "local") | dict.fromkeys(offered, provider)
    return {known[name]: entry for name, entry in {**chosen, **others}.items()}


def save(name: str, chosen: Chosen) -> Iterator[tuple[str, Block]]:
    """Save a document for every provider's part, then the platform; yield each as it is saved.

    Raises UnknownProvider, or MissingExtra for an SDK that is not installed, before any is saved.
    """
    kinds = {
        contract: registry.implementation(entry, contract) for contract, entry in chosen.items()
    }
    shared: dict[type[Block], Block] = {}
    for kind in kinds.values():
        made: Any = kind()
        yield from _save_parts(made, name, shared)
        yield _saved(made, name)
    refs = {
        contract.capability: f"{entry}-{contract.capability}/{name}"
        for contract, entry in chosen.items()
    }
    yield _saved(Platform(name=name, **refs), name)


def _save_parts(block: Block, name: str, shared: dict[type[Block], Block]) -> Iterator[Any]:
    """Save the blocks within a block first: an account is one document, whoever uses it."""
    for field, value in list(block):
        if isinstance(value, Block):
            if type(value) not in shared:
                yield from _save_parts(value, name, shared)
                yield _saved(value, name)
                shared[type(value)] = value
            setattr(block, field, shared[type(value)])


def _saved(block: Block, name: str) -> tuple[str, Block]:
    block.save(name, overwrite=True)
    return f"{block.get_block_type_slug()}/{name}", block


if __name__ == "__main__":
    main()
