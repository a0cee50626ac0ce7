"""How the conformance suite moves endpoints of Lambda."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from blocks.contracts import Capture, OperationRef, VariantRequest
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.emulator.launch import Account
from blocks.providers.aws.functions.endpoints import LambdaEndpoints
from blocks.providers.aws.functions.look import Looks
from blocks.testing.by_itself import ByItself

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/bluewater-server:1"
MACHINE = "lambda-1024"


class EndpointLevers(ByItself):
    """The endpoints part of the bench. ``models`` makes requests as other endpoints have them."""

    def __init__(
        self, account: AwsAccount, emulator: Account, models: Callable[..., VariantRequest]
    ) -> None:
        super().__init__(LambdaEndpoints(account=account, image=IMAGE))
        self._account, self._emulator, self._models = account, emulator, models

    def request(self, kind: str, variant: str) -> VariantRequest:
        """Return a request; each kind is a version of its own."""
        request = self._models(kind=kind, variant=variant)
        return request.model_copy(update={"machine": MACHINE, "capture": Capture(sample=0)})

    def reclaim(self, ref: OperationRef) -> None:
        """Kill the environments of a variant; return when they are dead."""
        endpoint, _, variant = ref.id.partition("/")
        said = {"function": self._account.named(endpoint), "description": variant}
        if not self._emulator.pull("lambda-kill", **said):
            raise LookupError(f"no environment of {ref.id} runs")

    def seen(self, ref: OperationRef) -> Mapping[str, object]:
        """Tell what the version's own environment says."""
        endpoint, _, variant = ref.id.partition("/")
        seen = Looks(self._account).look(endpoint)
        assert seen is not None  # noqa: S101
        return dict(seen.published[variant].request)

    def created(self) -> int:
        """Count the versions that were ever published."""
        mine = self._account.named("")
        found = self._emulator.pull("lambda-functions")
        return sum(each["published"] for each in found if each["name"].startswith(mine))
