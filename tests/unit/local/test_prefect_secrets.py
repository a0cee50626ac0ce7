from __future__ import annotations

import pytest
from prefect.blocks.system import Secret

from blocks.contracts import NotFound
from blocks.providers.local.secret import LocalSecrets


@pytest.mark.slow
@pytest.mark.usefixtures("prefect_server")
def test_prefects_secret_blocks_are_asked_after_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Over a real Prefect server; a value that is no text comes as JSON."""
    Secret(value="sesame").save("api-key")
    Secret(value={"user": "me"}).save("login")
    secrets = LocalSecrets()
    assert secrets.get("api-key").get_secret_value() == "sesame"
    assert secrets.get("login").get_secret_value() == '{"user": "me"}'
    with pytest.raises(NotFound, match=r"BLUEWATER_SECRET_NOPE.*Prefect secret block"):
        secrets.get("nope")
    monkeypatch.setenv("BLUEWATER_SECRET_API_KEY", "nearer")
    assert secrets.get("api-key").get_secret_value() == "nearer"
