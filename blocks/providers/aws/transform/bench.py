"""Batch transform as the conformance suite sees it: an account, and an owner of its own in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from blocks.contracts import Contract, ObjectStore
from blocks.providers.aws.bench import AwsBench
from blocks.providers.aws.endpoint_levers import IMAGE
from blocks.providers.aws.transform.batch_levers import TransformLevers
from blocks.testing.worlds import EmulatedBench

C = TypeVar("C", bound=Contract)


class _Bench(EmulatedBench):
    """Levers of batch transform over one emulated account."""

    configured: ClassVar[Mapping[str, Mapping[str, Any]]] = {"batch": {"image": IMAGE}}

    def __init__(self, aws: Any) -> None:
        self.account, self.emulator, self.keep_secret = aws.account, aws.emulator, aws.keep_secret
        self.levers_account, self._aws = aws.levers_account, aws
        levers = TransformLevers(aws.levers_account, aws.emulator, aws.uploads)
        super().__init__("aws-transform", {"batch": levers, "models": aws.models})

    def connect(self, contract: type[C]) -> C:
        """Return a block of this owner; what is read and written lies in the store beside it."""
        found: C
        if contract is ObjectStore:
            found = self._aws.connect(contract)
        else:
            found = super().connect(contract)
        return found


@contextmanager
def TransformBench(folder: Path) -> Iterator[_Bench]:  # noqa: N802 - reads as the class it stands for
    """Open a world: an account, or, while another world is open, another owner in its account."""
    with AwsBench(folder) as aws:
        yield _Bench(aws)
