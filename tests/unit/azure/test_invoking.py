"""What one call to an endpoint names is not named by the next one of the process."""

from __future__ import annotations

from azure.ai.ml.constants._endpoint import EndpointInvokeFields

from blocks.providers.azure.invoking import own_headers


def test_what_a_call_names_stays_with_it() -> None:
    before = dict(EndpointInvokeFields.DEFAULT_HEADER)
    with own_headers():  # as the SDK does it
        EndpointInvokeFields.DEFAULT_HEADER[EndpointInvokeFields.MODEL_DEPLOYMENT] = "blue"
    assert before == EndpointInvokeFields.DEFAULT_HEADER
