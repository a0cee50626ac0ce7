"""Lambda as the conformance suite sees it: an emulated account, and an owner of its own in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from blocks.contracts import (
    BatchRequest,
    Capture,
    Contract,
    Endpoints,
    ModelDraft,
    OperationRef,
    TrainingRequest,
    VariantRequest,
)
from blocks.providers.aws.bench import AwsBench
from blocks.providers.aws.functions.endpoints import LambdaEndpoints
from blocks.providers.aws.functions.look import Looks
from blocks.registry import implementation
from blocks.testing.waiting import until

C = TypeVar("C", bound=Contract)

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/bluewater-server:1"
MACHINE = "lambda-1024"
_NO_SUCH = "Lambda has no such capability"


class _Bench:
    """Levers of Lambda over one emulated account."""

    def __init__(self, aws: Any) -> None:
        self.account, self.emulator, self.keep_secret = aws.account, aws.emulator, aws.keep_secret
        self._models: Callable[..., VariantRequest] = aws.variant_request
        self._running: Callable[[], Sequence[str]] = aws.running
        self._levers_account = aws.levers_account
        self._endpoints = LambdaEndpoints(account=self._levers_account, image=IMAGE)

    def connect(self, contract: type[C]) -> C:
        """Return a block of this owner, as a fresh process would build it."""
        cls: Callable[..., C] = implementation("aws-lambda", contract)
        account = self.account.model_copy()
        return cls(account=account, image=IMAGE) if contract is Endpoints else cls(account=account)

    def training_request(self, *, script: str = "") -> TrainingRequest:
        """No training here."""
        raise NotImplementedError(_NO_SUCH)

    def model_draft(self, *, kind: str = "threshold") -> ModelDraft:
        """No registry here."""
        raise NotImplementedError(_NO_SUCH)

    def variant_request(self, *, kind: str = "threshold", variant: str = "blue") -> VariantRequest:
        """Return a request to serve a model of that kind on the endpoint of this world."""
        request = self._models(kind=kind, variant=variant)
        return request.model_copy(update={"machine": MACHINE, "capture": Capture(sample=0)})

    def batch_request(self, rows: int) -> BatchRequest:
        """No batch inference here."""
        raise NotImplementedError(_NO_SUCH)

    def begin(self, ref: OperationRef) -> None:
        """Wait until it is ready: Lambda tells of nothing between."""
        self.settle(ref)

    def succeed(self, ref: OperationRef) -> None:
        """Let it become ready; nothing is needed for that."""
        self.settle(ref)

    def fail(self, ref: OperationRef, reason: str) -> None:
        """A variant fails by its model alone."""
        raise NotImplementedError(reason)

    def reclaim(self, ref: OperationRef) -> None:
        """Kill the environments of a variant; return when they are dead."""
        endpoint, _, variant = ref.id.partition("/")
        said = {"function": self.account.named(endpoint), "description": variant}
        if not self.emulator.pull("lambda-kill", **said):
            raise LookupError(f"no environment of {ref.id} runs")

    def settle(self, ref: OperationRef) -> None:
        """Wait until the variant is ready, or will never be."""
        until(lambda: self._endpoints.status(ref).phase.done, within=120)

    def seen(self, ref: OperationRef) -> Mapping[str, object]:
        """Tell what the version's own environment says."""
        endpoint, _, variant = ref.id.partition("/")
        seen = Looks(self._levers_account).look(endpoint)
        assert seen is not None  # noqa: S101
        return dict(seen.published[variant].request)

    def created(self, capability: str) -> int:
        """Count the versions that were ever published."""
        mine = self.account.named("")
        found = self.emulator.pull("lambda-functions")
        return sum(each["published"] for each in found if each["name"].startswith(mine))

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
