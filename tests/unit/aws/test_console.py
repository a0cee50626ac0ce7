"""Pages of AWS are in the console of their partition."""

from __future__ import annotations

import pytest

from blocks.providers.aws.console import page


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-west-1", "eu-west-1.console.aws.amazon.com"),
        ("cn-north-1", "cn-north-1.console.amazonaws.cn"),
        ("us-gov-west-1", "console.amazonaws-us-gov.com"),
    ],
)
def test_a_page_is_in_the_console_of_its_regions_partition(region: str, host: str) -> None:
    address = page("sagemaker", region, "/jobs/j-1")
    assert address == f"https://{host}/sagemaker/home?region={region}#/jobs/j-1"
