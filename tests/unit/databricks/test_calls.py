"""The page of calls is what a release calls, and every call on it is one that the SDK would make.

MLflow's routes are held against MLflow's own messages elsewhere.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from blocks.providers.databricks.emulator.mlflow_unity import FIELDS
from blocks.providers.databricks.emulator.schema import check_request, method
from deployments.databricks.besides import GATEWAY as GATEWAY_TITLE
from deployments.databricks.besides import JOBS as JOBS_TITLE
from deployments.databricks.besides import POOLS as POOLS_TITLE
from deployments.databricks.besides import WATCHING as WATCHING_TITLE
from deployments.databricks.calls import PAGE, told
from deployments.databricks.grants import CALLER, JOBS, OPTIONS, WATCHING

WRITTEN = re.compile(r"`([\w-]+):([\w.-]+)` `([^`]*)`\n\n```json\n(.*?)\n```", re.DOTALL)
TAKEN, WORD = re.compile(r"^## (.*)\n\nIt takes (.*)\.$", re.MULTILINE), re.compile(r"`([^`]+)`")
LAST = "Everything is taken down"
METHODS = {
    "jobs:submit": "JobsAPI.submit",
    "jobs:create": "JobsAPI.create",
    "jobs:run_now": "JobsAPI.run_now",
    "jobs:delete": "JobsAPI.delete",
    "serving:create": "ServingEndpointsAPI.create",
    "serving:update_config": "ServingEndpointsAPI.update_config",
    "serving:put_ai_gateway": "ServingEndpointsAPI.put_ai_gateway",
    "serving:delete": "ServingEndpointsAPI.delete",
    "catalog:create_model": "RegisteredModelsAPI.create",
    "catalog:set_alias": "RegisteredModelsAPI.set_alias",
    "catalog:delete_model": "RegisteredModelsAPI.delete",
    "catalog:delete_version": "ModelVersionsAPI.delete",
    "dataquality:create_monitor": "DataQualityAPI.create_monitor",
    "dataquality:update_monitor": "DataQualityAPI.update_monitor",
    "dataquality:delete_monitor": "DataQualityAPI.delete_monitor",
    "sql:execute_statement": "StatementExecutionAPI.execute_statement",
}


def calls() -> list[tuple[str, str, str, dict[str, Any]]]:
    """Return service, operation, path and body of every call on the page."""
    found = WRITTEN.findall(PAGE.read_text())
    return [
        (service, operation, path, json.loads(said)) for service, operation, path, said in found
    ]


def test_every_call_on_the_page_is_one_of_the_sdks() -> None:
    assert len(calls()) > 15
    for service, operation, path, said in calls():
        if service == "mlflow-uc":
            fields = FIELDS[path.partition("unity-catalog/")[2]]
            assert set(said) <= {each.removeprefix("!") for each in fields}, path
            continue
        asked = method(f"{service}:{METHODS[f'{service}:{operation}']}")
        words = _words(asked.pattern, path)
        assert words is not None, path
        check_request(asked, words, {}, said or None)


def test_the_page_has_every_call_that_changes_something_in_a_release() -> None:
    assert {f"{service}:{operation}" for service, operation, *_ in calls()} == {
        *METHODS,
        "mlflow-uc:model-versions.create",
        "mlflow-uc:model-versions.finalize",
    }


def test_what_is_taken_is_what_is_granted_and_options_are_for_their_stages() -> None:
    taken = {title: set(WORD.findall(said)) for title, said in TAKEN.findall(PAGE.read_text())}
    options = {
        "jobs": (JOBS_TITLE, LAST),
        "pools": (POOLS_TITLE,),
        "tables": (GATEWAY_TITLE,),
        "watching": (WATCHING_TITLE, LAST),
    }
    assert options.keys() == OPTIONS.keys()
    for option, titles in options.items():
        assert set(OPTIONS[option]) <= set.union(*(taken[title] for title in titles)), option
        assert taken[titles[0]] <= {*CALLER, *OPTIONS[option]}, option
    named = {title for titles in options.values() for title in titles}
    for title in taken.keys() - named:
        assert taken[title] <= set(CALLER), title
    assert taken[LAST] <= {*CALLER, *JOBS, *WATCHING}


def test_an_entity_goes_only_when_it_has_no_traffic() -> None:
    served: set[str] = set()
    shares: dict[str, int] = {}
    gone = []
    for _, operation, path, said in calls():
        if operation != "update_config":
            continue
        names = {each["name"] for each in said["served_entities"]}
        for name in served - names:
            gone.append(name)
            assert not shares.get(name), path
        served = names
        routes = said["traffic_config"]["routes"]
        shares = {each["served_model_name"]: each["traffic_percentage"] for each in routes}
    assert gone == ["blue"]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_page_is_what_a_release_calls() -> None:
    """``python -m deployments.databricks.calls`` writes it anew."""
    assert told() == PAGE.read_text()


def _words(pattern: re.Pattern[str], path: str) -> dict[str, str] | None:
    """Return the words of a path; the page leaves out which version of the older API it is in."""
    for begins in ("/api/2.0/", "/api/2.1/", "/api/2.2/", ""):
        if found := pattern.fullmatch(f"{begins}{path}"):
            return found.groupdict()
    return None
