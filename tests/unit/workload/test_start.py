"""The first program of a SageMaker container, run as SageMaker runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks.workload.environments import parameters, quoted, unquoted

TELLS = "import json, os, sys; print(json.dumps([os.getcwd(), sys.argv[1:], dict(os.environ)]))"
ROOT = Path(__file__).parents[3]

FAKE_BOTO3 = """
class Client:
    def get_secret_value(self, SecretId):
        kept = {"word": {"SecretString": "sesame"}, "bytes": {"SecretBinary": b"s\\xc3\\xbc"}}
        return kept[SecretId]

    def get_parameter(self, Name, WithDecryption):
        assert WithDecryption
        return {"Parameter": {"Value": "of " + Name}}

def client(service):
    return Client()
"""

FAKE_VAULT = """
class SecretClient:
    def __init__(self, url, credential, verify_challenge_resource):
        self.told = f"{url} {credential} {verify_challenge_resource}"

    def get_secret(self, name):
        self.value = f"{name} of {self.told}"
        return self
"""


@pytest.fixture
def mount(tmp_path: Path) -> Path:
    """A folder in place of /opt/ml, and an SDK in place of boto3."""
    (tmp_path / "ml" / "input" / "data" / "source").mkdir(parents=True)
    (tmp_path / "sdk").mkdir()
    (tmp_path / "sdk" / "boto3.py").write_text(FAKE_BOTO3)
    azure = tmp_path / "sdk" / "azure"
    (azure / "keyvault").mkdir(parents=True)
    (azure / "__init__.py").touch()
    (azure / "keyvault" / "__init__.py").touch()
    (azure / "keyvault" / "secrets.py").write_text(FAKE_VAULT)
    (azure / "identity.py").write_text("def DefaultAzureCredential():\n    return 'somebody'\n")
    return tmp_path / "ml"


def start(mount: Path, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(mount.parent / "sdk"), str(ROOT)])
    return subprocess.run(
        [sys.executable, "-m", "blocks.workload.start", *command],
        env={"PYTHONPATH": path, "PATH": os.environ["PATH"], "BLUEWATER_OPT_ML": str(mount), **env},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_is_run_where_the_code_is_with_its_words_as_they_are(mount: Path) -> None:
    folder, arguments, _ = json.loads(start(mount, "python", "-c", TELLS, "two words", "*").stdout)
    assert folder == str(mount / "input" / "data" / "source")
    assert arguments == ["two words", "*"]


def test_the_exit_code_is_the_commands(mount: Path) -> None:
    assert start(mount, "python", "-c", "raise SystemExit(75)").returncode == 75


def test_secrets_come_by_name_and_only_into_the_environment(mount: Path) -> None:
    names = json.dumps({"A": "word", "B": "ssm:/deep/name", "C": "bytes"})
    *_, environ = json.loads(
        start(mount, "python", "-c", TELLS, BLUEWATER_SECRETS_FROM=names).stdout
    )
    assert {name: environ[name] for name in "ABC"} == {
        "A": "sesame",
        "B": "of /deep/name",
        "C": "sü",
    }


@pytest.mark.parametrize(
    ("vault", "challenged"), [("https://safe.vault.azure.net", True), ("https://localhost", False)]
)
def test_secrets_come_from_a_key_vault_where_one_is_named(
    mount: Path, vault: str, challenged: bool
) -> None:
    """Only an emulator's vault may say that it is another's."""
    told = {"BLUEWATER_SECRETS_FROM": '{"A": "word"}', "BLUEWATER_VAULT": vault}
    *_, environ = json.loads(start(mount, "python", "-c", TELLS, **told).stdout)
    assert environ["A"] == f"word of {vault} somebody {challenged}"


def test_each_start_is_counted_and_the_code_may_be_elsewhere(mount: Path, tmp_path: Path) -> None:
    code, starts = tmp_path / "code", tmp_path / "starts"
    code.mkdir()
    told = {"BLUEWATER_SOURCE": str(code), "BLUEWATER_STARTS": str(starts)}
    for _ in range(2):
        folder, *_ = json.loads(start(mount, "python", "-c", TELLS, **told).stdout)
        assert folder == str(code)
    start(mount, "python", "-c", TELLS, **told, RANK="1")
    assert len(list(starts.glob("start-*"))) == 2, "of several machines, the first one counts"


def test_a_secret_that_cannot_be_fetched_is_a_reason_to_be_read(mount: Path) -> None:
    done = start(mount, "python", "-c", TELLS, BLUEWATER_SECRETS_FROM='{"A": "not-there"}')
    assert done.returncode == 78
    assert "not-there" in (mount / "output" / "failure").read_text()
    assert done.stdout == ""


@given(st.dictionaries(st.text(min_size=1), st.text()))
def test_parameters_come_through_a_service_that_takes_one_line_each(told: dict[str, str]) -> None:
    held = {name: quoted(value) for name, value in told.items()}
    assert all(value.splitlines() in ([], [value]) for value in held.values())
    assert unquoted(parameters(json.dumps(held))) == told


@pytest.mark.parametrize("value", ["", "7", "1e-4", '{"a": 1}', "'x'", "ü b"])
def test_plain_values_are_left_as_they_are(value: str) -> None:
    assert quoted(value) == value


def test_a_quote_that_somebody_else_set_is_kept_unless_it_is_one_of_json() -> None:
    assert unquoted({"a": '"open', "b": '"said"', "c": '"'}) == {
        "a": '"open',
        "b": "said",
        "c": '"',
    }
