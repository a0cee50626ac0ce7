"""What every provider's secret store must do."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from blocks.contracts import NotFound, SecretStore, Unsupported
from blocks.testing.bench import Bench

CONTRACT = SecretStore


@pytest.fixture
def secrets(bench: Bench) -> SecretStore:
    return bench.connect(SecretStore)


def test_a_secret_is_found_by_its_name(bench: Bench, secrets: SecretStore) -> None:
    bench.keep_secret("api-key", "sesame")
    bench.keep_secret("other-key", "word")
    found = secrets.get("api-key")
    assert isinstance(found, SecretStr)
    assert found.get_secret_value() == "sesame"
    assert secrets.get("other-key").get_secret_value() == "word"


def test_a_new_value_is_seen_at_once(bench: Bench, secrets: SecretStore) -> None:
    """Secrets are rotated; nothing may be remembered."""
    bench.keep_secret("api-key", "old")
    assert secrets.get("api-key").get_secret_value() == "old"
    bench.keep_secret("api-key", "new")
    assert secrets.get("api-key").get_secret_value() == "new"


def test_values_come_back_as_they_are(bench: Bench, secrets: SecretStore) -> None:
    for value in (" spaces ", 'q"uote', '{"a": 1}', "123", "line\nline", "ü"):
        bench.keep_secret("odd", value)
        assert secrets.get("odd").get_secret_value() == value
    try:
        bench.keep_secret("empty", "")
    except Unsupported:
        return  # a value of no letters may be more than a service can keep
    assert secrets.get("empty").get_secret_value() == ""


def test_a_value_is_in_no_repr(bench: Bench, secrets: SecretStore) -> None:
    bench.keep_secret("api-key", "sesame")
    found = secrets.get("api-key")
    assert "sesame" not in f"{secrets!r} {found!r} {found}"


def test_an_unknown_secret_is_not_found_by_name(bench: Bench, secrets: SecretStore) -> None:
    with pytest.raises(NotFound, match="not-there") as caught:
        secrets.get("not-there")
    assert (caught.value.provider, caught.value.operation) == (secrets.provider, "secrets.get")
