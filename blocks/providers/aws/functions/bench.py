"""Lambda as the conformance suite sees it: an emulated account, and an owner of its own in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from blocks.providers.aws.bench import AwsBench
from blocks.providers.aws.functions.endpoint_levers import IMAGE, EndpointLevers
from blocks.testing.worlds import EmulatedBench


class _Bench(EmulatedBench):
    """Levers of Lambda over one emulated account."""

    configured: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "endpoints": {"image": IMAGE},
        "monitor": {"settle": 1},
    }

    def __init__(self, aws: Any) -> None:
        self.account, self.emulator, self.keep_secret = aws.account, aws.emulator, aws.keep_secret
        self._running: Callable[[], Sequence[str]] = aws.running
        levers = EndpointLevers(aws.levers_account, aws.emulator, aws.variant_request)
        super().__init__("aws-lambda", {"endpoints": levers})

    def running(self) -> Sequence[str]:
        """Return ``function/<endpoint>/<variant>-<number>`` of this owner's live environments."""
        mine = self.account.named("")
        return [name.replace(mine, "") for name in self._running()]


@contextmanager
def LambdaBench(folder: Path) -> Iterator[_Bench]:  # noqa: N802 - reads as the class it stands for
    """Open a world: an account, or, while another world is open, another owner in its account."""
    with AwsBench(folder) as aws:
        yield _Bench(aws)
