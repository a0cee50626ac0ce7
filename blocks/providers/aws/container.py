"""What the container of an endpoint is told in its environment, and what a request brings along."""

from __future__ import annotations

import json
from collections.abc import Mapping

from blocks.contracts import Capture, Frozen, ModelVersion, Serving

PREFIX = "BLUEWATER_SERVE_"
CAPTURES = "BLUEWATER_CAPTURES"  # S3 folder for captured requests
CAPTURE_EVERY = "BLUEWATER_CAPTURE_EVERY"  # seconds between two files of them
HOST, PORT = "BLUEWATER_BIND_HOST", "SAGEMAKER_BIND_TO_PORT"
ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"  # the one header of a caller that is passed on
TICK = "[bluewater] tick="  # begins a line of the log that is a tick
_TOKEN, _LOOK = "token", "look"


class Settings(Frozen):
    """What is served, and for whom."""

    endpoint: str
    variant: str
    model: ModelVersion
    serving: Serving
    capture: Capture
    copies: bool  # all requests are copies, whose answers nobody sees
    internal: str  # word by which a look past the split is known, so that it is not counted as live

    def to_environment(self) -> dict[str, str]:
        """Return one variable for each field: SageMaker bounds the length of each value."""
        fields = self.model_dump(mode="json")
        return {f"{PREFIX}{name.upper()}": json.dumps(value) for name, value in fields.items()}

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> Settings:
        """Read what ``to_environment`` wrote. Raises ValueError that names what is missing."""
        given = {
            name: json.loads(env[f"{PREFIX}{name.upper()}"])
            for name in cls.model_fields
            if f"{PREFIX}{name.upper()}" in env
        }
        return cls.model_validate(given)


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
