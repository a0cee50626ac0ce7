"""Which providers exist. Adding one is one line here and one folder beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, TypeVar, cast

from blocks.contracts.base import Contract

C = TypeVar("C", bound=Contract)

PROVIDERS = {
    "local": "blocks.providers.local",
    "aws": "blocks.providers.aws",
    "aws-ec2": "blocks.providers.aws.ec2",
    "aws-lambda": "blocks.providers.aws.functions",
    "aws-transform": "blocks.providers.aws.transform",
    "gcp": "blocks.providers.gcp",
    "gcp-run": "blocks.providers.gcp.run",
    "gcp-batch-prediction": "blocks.providers.gcp.prediction",
    "azure": "blocks.providers.azure",
    "azure-batch-endpoints": "blocks.providers.azure.batch_endpoints",
    "azure-registry": "blocks.providers.azure.registry",
    "azure-kubernetes": "blocks.providers.azure.kubernetes",
    "databricks": "blocks.providers.databricks",
    "databricks-spark": "blocks.providers.databricks.spark",
}


class UnknownProvider(LookupError):
    """No provider, or no such capability of it, under this name."""


class MissingExtra(ModuleNotFoundError):
    """The provider's SDK is not installed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A provider's table of contents. Paths, not classes, so that listing imports nothing."""

    name: str
    title: str
    capabilities: Mapping[str, str]  # capability -> "module:Class"
    bench: str
    words: str | None = None  # what can be made to go wrong in its world
    rehearsal: str | None = None  # what plays the provider on this machine
    rehearsal_extra: str | None = None  # and what that takes
    beside: str | None = None  # who does what this one does not, where it is played
    services: str | None = None  # pages that this provider can start here
    extra: str | None = None  # what `pip install bluewater[extra]` brings
    emulated_with: str | None = None  # module that its emulated world takes besides


def provider(name: str) -> Provider:
    """Return a provider's table of contents."""
    try:
        module = import_module(PROVIDERS[name])
    except KeyError:
        raise UnknownProvider(f"no provider {name!r}; known: {', '.join(PROVIDERS)}") from None
    found: Provider = module.PROVIDER
    return found


def implementation(name: str, contract: type[C]) -> type[C]:
    """Import and return the class by which a provider keeps a contract."""
    entry, capability = provider(name), contract.capability
    if capability not in entry.capabilities:
        raise UnknownProvider(f"{name} offers {', '.join(entry.capabilities)}, not {capability}")
    cls: type[C] = load(entry.capabilities[capability], extra=entry.extra)
    if not issubclass(cls, contract):
        raise TypeError(f"{cls.__qualname__} does not implement {contract.__name__}")
    return cls


def load(path: str, *, extra: str | None = None) -> Any:
    """Import ``module:name``. Raises MissingExtra, with the remedy, if an SDK is not installed."""
    module, _, name = path.partition(":")
    try:
        return getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        if extra is None or (error.name or "").startswith("blocks"):
            raise
        raise MissingExtra(f"{path} needs an SDK: pip install 'bluewater[{extra}]'") from error


def split(ref: str, contract: type[Contract]) -> tuple[str, str]:
    """Take ``<provider>-<capability>[/<document>]`` apart into provider and document name."""
    slug, _, document = ref.partition("/")
    name, dash, capability = slug.rpartition("-")
    if not dash or capability != contract.capability or name not in PROVIDERS:
        known = ", ".join(
            f"{entry}-{contract.capability}"
            for entry in PROVIDERS
            if contract.capability in provider(entry).capabilities
        )
        raise UnknownProvider(
            f"{ref!r} names no {contract.capability} of a known provider; use one of {known}, "
            "with /<block document> where it is configured by a saved block"
        )
    return name, document


def connect(ref: str, contract: type[C]) -> C:
    """Return what ``<provider>-<capability>[/<document>]`` names, as that contract.

    Without a document, the provider's class is built from its defaults and the environment; with
    one, the Prefect block document of that name is loaded.
    """
    name, document = split(ref, contract)
    cls: Any = implementation(name, contract)
    return cast(C, cls.load(document) if document else cls())
