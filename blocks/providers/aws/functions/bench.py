"""Lambda as the conformance suite sees it: an emulated account, and an owner of its own in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from blocks.contracts import Contract
from blocks.providers.aws.bench import AwsBench
from blocks.providers.aws.functions.endpoint_levers import IMAGE, EndpointLevers
from blocks.registry import implementation
from blocks.testing.levers import Levers

C = TypeVar("C", bound=Contract)

_CONFIGURED: Mapping[str, Mapping[str, Any]] = {
    "endpoints": {"image": IMAGE},
    "monitor": {"settle": 1},
}


class _Bench(Levers):
    """Levers of Lambda over one emulated account."""

    def __init__(self, aws: Any) -> None:
        self.account, self.emulator, self.keep_secret = aws.account, aws.emulator, aws.keep_secret
        self._running: Callable[[], Sequence[str]] = aws.running
        levers = EndpointLevers(aws.levers_account, aws.emulator, aws.variant_request)
        super().__init__("aws-lambda", {"endpoints": levers})

    def connect(self, contract: type[C]) -> C:
        """Return a block of this owner, as a fresh process would build it."""
        cls: Callable[..., C] = implementation("aws-lambda", contract)
        return cls(account=self.account.model_copy(), **_CONFIGURED.get(contract.capability, {}))

    def running(self) -> Sequence[str]:
        """Return ``function/<endpoint>/<variant>-<number>`` of this owner's live environments."""
        mine = self.account.named("")
        return [name.replace(mine, "") for name in self._running()]

    def zone(self) -> str:
        """Return no zone: nothing here takes one."""
        return ""


@contextmanager
def LambdaBench(folder: Path) -> Iterator[_Bench]:  # noqa: N802 - reads as the class it stands for
    """Open a world: an account, or, while another world is open, another owner in its account."""
    with AwsBench(folder) as aws:
        yield _Bench(aws)
