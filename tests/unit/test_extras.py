"""What an extra of this distribution takes."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from blocks.extras import missing


@pytest.mark.parametrize("extra", ["aws", "aws-rehearsal", "gcp", "azure", "databricks"])
def test_an_extra_that_is_here_lacks_nothing(extra: str) -> None:
    assert missing(extra) == []


@pytest.mark.skipif(find_spec("sagemaker") is not None, reason="the SDK is here")
def test_what_an_extra_lacks_is_named_with_its_version() -> None:
    (lacking,) = missing("sagemaker")  # and with it boto3, which is here
    assert lacking.startswith("sagemaker>=")
