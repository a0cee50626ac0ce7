"""The words between SageMaker and the container of an endpoint."""

from __future__ import annotations

from blocks.contracts import Frozen

HOST, PORT = "BLUEWATER_BIND_HOST", "SAGEMAKER_BIND_TO_PORT"
ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"  # the one header of a caller that is passed on
_TOKEN, _LOOK = "token", "look"


class Attributes(Frozen):
    """What a caller of ours sends along in the custom attributes."""

    token: str = ""  # the bearer token that the endpoint asks for
    look: str = ""  # the internal word of the variant that is asked alone

    def to_header(self) -> str:
        """Return the attributes as one line; empty for none."""
        pairs = {_TOKEN: self.token, _LOOK: self.look}
        return ",".join(f"bluewater-{name}={value}" for name, value in pairs.items() if value)

    @classmethod
    def from_header(cls, text: str) -> Attributes:
        """Read what ``to_header`` wrote; attributes of others are passed over."""
        pairs = (part.strip().partition("=") for part in text.split(","))
        found = {name.removeprefix("bluewater-"): value for name, _, value in pairs}
        return cls(token=found.get(_TOKEN, ""), look=found.get(_LOOK, ""))
