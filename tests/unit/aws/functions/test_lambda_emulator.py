"""What the emulated Lambda refuses, and that it behaves, through the real SDK."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from botocore.exceptions import ClientError

from blocks.testing.waiting import until

ANSWERS = """
import http.client, json, os
api = os.environ["AWS_LAMBDA_RUNTIME_API"]
def call(method, path, body=None):
    connection = http.client.HTTPConnection(api)
    connection.request(method, "/2018-06-01/runtime/" + path, body=body)
    answer = connection.getresponse()
    return answer.headers["Lambda-Runtime-Aws-Request-Id"], answer.read()
if os.environ.get("WORD") == "broken":
    call("POST", "init/error", json.dumps({"errorType": "Bad", "errorMessage": "no model"}))
    raise SystemExit(1)
turn = 0
while True:
    id_, event = call("GET", "invocation/next")
    turn += 1
    if json.loads(event) == "hang":
        import time; time.sleep(600)
    if json.loads(event) == "die":
        raise SystemExit(1)
    told = {"word": os.environ.get("WORD"), "turn": turn, "event": json.loads(event)}
    call("POST", "invocation/" + id_ + "/response", json.dumps(told))
"""
CREATE: dict[str, Any] = {
    "FunctionName": "f",
    "Role": "arn:aws:iam::123456789012:role/bluewater-jobs",
    "PackageType": "Image",
    "Code": {"ImageUri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/f:1"},
    "ImageConfig": {"EntryPoint": ["python", "-c", ANSWERS]},
    "Timeout": 60,
}


@pytest.fixture
def client(bench: Any) -> Any:
    return bench.account.client("lambda")


def published(client: Any, word: str) -> str:
    """Publish a version that says a word."""

    def active() -> bool:
        told = client.get_function_configuration(FunctionName="f")
        return bool((told["State"], told["LastUpdateStatus"]) == ("Active", "Successful"))

    variables = {"Environment": {"Variables": {"WORD": word}}}
    try:
        client.create_function(**CREATE, **variables)
    except client.exceptions.ResourceConflictException:
        client.update_function_configuration(FunctionName="f", **variables)
    until(active)
    number = str(client.publish_version(FunctionName="f")["Version"])
    ask = {"FunctionName": "f", "Qualifier": number}
    until(lambda: client.get_function_configuration(**ask)["State"] == "Active")
    return number


def asked(client: Any, qualifier: str, event: Any = None) -> tuple[Any, str]:
    payload = json.dumps(event).encode()
    told = client.invoke(FunctionName="f", Qualifier=qualifier, Payload=payload)
    return json.loads(told["Payload"].read()), told.get("FunctionError", "")


def test_an_environment_is_started_when_needed_and_used_again(client: Any) -> None:
    number = published(client, "one")
    assert asked(client, number, {"x": 1}) == ({"word": "one", "turn": 1, "event": {"x": 1}}, "")
    assert asked(client, number)[0]["turn"] == 2


def test_what_breaks_off_is_an_error_of_the_function(bench: Any, client: Any) -> None:
    number = published(client, "one")
    told, error = asked(client, number, "die")
    assert (told["errorType"], error) == ("Runtime.ExitError", "Unhandled")
    assert asked(client, number)[0]["turn"] == 1, "another environment"
    told, error = asked(client, published(client, "broken"))
    assert (told["errorMessage"], error) == ("no model", "Unhandled")


def test_what_takes_too_long_is_ended(bench: Any, client: Any) -> None:
    client.create_function(**{**CREATE, "Timeout": 1})
    until(lambda: client.get_function_configuration(FunctionName="f")["State"] == "Active")
    told, error = asked(client, "$LATEST", "hang")
    assert (told["errorType"], error) == ("Sandbox.Timedout", "Unhandled")
    assert bench.emulator.running() == []


def test_an_alias_shares_its_callers_between_two_versions(client: Any) -> None:
    one, two = published(client, "one"), published(client, "two")
    assert one != two
    split = {"AdditionalVersionWeights": {two: 0.5}}
    alias = client.create_alias(
        FunctionName="f", Name="live", FunctionVersion=one, RoutingConfig=split
    )
    seen = Counter(asked(client, "live")[0]["word"] for _ in range(60))
    assert set(seen) == {"one", "two"}
    with pytest.raises(ClientError, match="PreconditionFailedException"):
        client.update_alias(
            FunctionName="f", Name="live", FunctionVersion=two, RevisionId="not-this"
        )
    client.update_alias(
        FunctionName="f",
        Name="live",
        FunctionVersion=two,
        RoutingConfig={"AdditionalVersionWeights": {}},
        RevisionId=alias["RevisionId"],
    )
    assert {asked(client, "live")[0]["word"] for _ in range(10)} == {"two"}


@pytest.mark.parametrize(
    ("alias", "code"),
    [
        ({"FunctionVersion": "7"}, "ResourceNotFoundException"),
        ({"RoutingConfig": {"AdditionalVersionWeights": {"7": 0.5}}}, "ResourceNotFoundException"),
        (
            {"RoutingConfig": {"AdditionalVersionWeights": {"2": 0.1, "3": 0.1}}},
            "InvalidParameterValueException",
        ),
        (
            {"RoutingConfig": {"AdditionalVersionWeights": {"1": 0.5}}},
            "InvalidParameterValueException",
        ),
        (
            {"RoutingConfig": {"AdditionalVersionWeights": {"2": 1.5}}},
            "InvalidParameterValueException",
        ),
    ],
    ids=("unknown", "unknown weight", "three", "itself", "too much"),
)
def test_a_split_that_cannot_be_is_refused(client: Any, alias: dict[str, Any], code: str) -> None:
    for word in ("one", "two", "three"):
        published(client, word)
    with pytest.raises(ClientError) as caught:
        client.create_alias(
            **{"FunctionName": "f", "Name": "live", "FunctionVersion": "1", **alias}
        )
    assert caught.value.response["Error"]["Code"] == code


def test_what_has_not_changed_is_not_published_again(client: Any) -> None:
    assert published(client, "one") == published(client, "one")


def test_a_version_that_an_alias_names_stays(client: Any) -> None:
    number = published(client, "one")
    client.create_alias(FunctionName="f", Name="live", FunctionVersion=number)
    with pytest.raises(ClientError, match="ResourceConflictException"):
        client.delete_function(FunctionName="f", Qualifier=number)
    client.delete_alias(FunctionName="f", Name="live")
    client.delete_function(FunctionName="f", Qualifier=number)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.invoke(FunctionName="f", Qualifier=number)


def test_a_function_that_is_being_changed_takes_no_change(bench: Any, client: Any) -> None:
    client.create_function(**CREATE)
    with pytest.raises(ClientError, match="ResourceConflictException"):
        client.create_function(**CREATE)
    with pytest.raises(ClientError, match="PreconditionFailedException"):
        client.publish_version(FunctionName="f", RevisionId="not-this")
    bench.emulator.advance(1)
    client.publish_version(FunctionName="f")
    client.update_function_configuration(FunctionName="f", MemorySize=512)
    with pytest.raises(ClientError, match="ResourceConflictException"):
        client.publish_version(FunctionName="f")


def test_environments_are_kept_ready_and_replaced(bench: Any, client: Any) -> None:
    number = published(client, "one")
    where = {"FunctionName": "f", "Qualifier": number}
    with pytest.raises(ClientError, match="ProvisionedConcurrencyConfigNotFound"):
        client.get_provisioned_concurrency_config(**where)

    def status() -> str:
        return str(client.get_provisioned_concurrency_config(**where)["Status"])

    client.put_provisioned_concurrency_config(**where, ProvisionedConcurrentExecutions=2)
    until(lambda: status() == "READY")
    assert len(bench.emulator.running()) == 2
    assert bench.emulator.pull("lambda-kill", function="f", description="") == 2
    until(lambda: status() == "READY" and len(bench.emulator.running()) == 2)
    with pytest.raises(ClientError, match="InvalidParameterValueException"):
        client.put_provisioned_concurrency_config(
            FunctionName="f", Qualifier="$LATEST", ProvisionedConcurrentExecutions=1
        )


def test_what_does_not_start_is_never_ready(client: Any) -> None:
    number = published(client, "broken")
    where = {"FunctionName": "f", "Qualifier": number}
    client.put_provisioned_concurrency_config(**where, ProvisionedConcurrentExecutions=1)

    def told() -> dict[str, Any]:
        found: dict[str, Any] = client.get_provisioned_concurrency_config(**where)
        return found

    until(lambda: told()["Status"] == "FAILED")
    assert told()["StatusReason"] == "FUNCTION_ERROR_INIT_FAILURE"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Timeout": 901}, "InvalidParameterValueException"),
        ({"Environment": {"Variables": {"X": "x" * 4096}}}, "InvalidParameterValueException"),
        ({"Environment": {"Variables": {"AWS_REGION": "x"}}}, "InvalidParameterValueException"),
    ],
)
def test_a_function_that_breaks_the_rules_is_refused(
    client: Any, change: dict[str, Any], code: str
) -> None:
    with pytest.raises(ClientError) as caught:
        client.create_function(**{**CREATE, **change})
    assert caught.value.response["Error"]["Code"] == code


def test_an_event_that_is_too_big_is_refused(client: Any) -> None:
    number = published(client, "one")
    with pytest.raises(ClientError, match="RequestTooLargeException"):
        asked(client, number, "x" * 6_291_456)
