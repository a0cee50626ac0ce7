"""Tables are made of files, and read by statements for a SQL warehouse, through the real SDK."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blocks.contracts import Denied, InvalidRequest, NotFound
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.emulator.dialect import translated
from blocks.providers.databricks.emulator.drift import drift
from blocks.providers.databricks.emulator.launch import Workspace
from blocks.providers.databricks.places import path_of
from blocks.providers.databricks.volumes import Volumes
from blocks.providers.databricks.warehouse import rows

MANY = 1_200  # rows: three chunks of a result


@pytest.fixture
def numbers(account: DatabricksWorkspace) -> str:
    """Return the name of a table of numbers and their names, one of them without."""
    found = [{"n": each, "name": None if each == 7 else f"number {each}"} for each in range(MANY)]
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(found), out)
    uri = f"{account.root}/numbers/one.parquet"
    Volumes(account).write(uri, out.getvalue())
    table = f"`{account.catalog}`.`{account.schema_name}`.`numbers`"
    source = f"read_files('{path_of(uri).rpartition('/')[0]}', format => 'parquet')"
    assert list(rows(account, f"CREATE TABLE {table} AS SELECT * FROM {source}")) == []
    return table


def test_all_rows_of_a_statement_come_in_chunks_and_as_words(
    account: DatabricksWorkspace, numbers: str, emulator: Workspace
) -> None:
    found = list(rows(account, f"SELECT * FROM {numbers} WHERE n >= :least ORDER BY n", least="2"))
    assert len(found) == MANY - 2
    assert found[0] == {"n": "2", "name": "number 2"}
    assert found[5] == {"n": "7", "name": None}
    chunks = emulator.calls("sql:get_statement_result_chunk_n")
    assert [each["resource"].rpartition("/")[2] for each in chunks] == ["1", "2"]


def test_why_a_statement_came_to_nothing_is_told_by_its_state(
    bench: Any, account: DatabricksWorkspace, numbers: str, emulator: Workspace
) -> None:
    with pytest.raises(NotFound, match="TABLE_OR_VIEW"):
        list(rows(account, numbers.join(["SELECT * FROM ", ""]).replace("numbers", "nothing")))
    with pytest.raises(InvalidRequest) as caught:
        list(rows(account, "SELEC 1"))
    assert caught.value.code == "42601"
    with pytest.raises(InvalidRequest, match="warehouse other"):
        list(rows(account.model_copy(update={"warehouse": "other"}), "SELECT 1"))
    with pytest.raises(InvalidRequest, match="set warehouse"):
        list(rows(account.model_copy(update={"warehouse": ""}), "SELECT 1"))
    emulator.pull("policy", key="bluewater-levers", actions=["warehouse CAN_USE"])
    with pytest.raises(Denied, match="SELECT"):
        list(rows(bench.levers_account, f"SELECT * FROM {numbers}"))


def test_a_view_is_its_query_run_anew_and_keeps_its_id_when_it_is_altered(
    account: DatabricksWorkspace, numbers: str
) -> None:
    view, tables = numbers.replace("numbers", "few"), account.client().tables
    list(rows(account, f"CREATE VIEW {view} AS SELECT n FROM {numbers} WHERE n < 3"))
    assert len(list(rows(account, f"SELECT * FROM {view}"))) == 3
    before = tables.get(view.replace("`", ""))
    assert before.table_type.value == "VIEW"
    assert [each.name for each in before.columns] == ["n"]
    list(rows(account, f"ALTER VIEW {view} AS SELECT n FROM {numbers} WHERE n < 5"))
    assert tables.get(view.replace("`", "")).table_id == before.table_id
    assert len(list(rows(account, f"SELECT * FROM {view}"))) == 5
    list(rows(account, f"DROP VIEW IF EXISTS {view}"))
    with pytest.raises(NotFound):
        list(rows(account, f"SELECT * FROM {view}"))


def test_words_between_quotes_stay_as_they_are() -> None:
    told = translated("SELECT `a b`, ':no', x::INT FROM main.s.t WHERE n = :n -- `no`\n")
    assert told == 'SELECT "a b", \':no\', x::INT FROM "uc_main".s.t WHERE n = $n \n'


def test_drift_is_small_for_the_same_and_large_for_what_moved() -> None:
    usual = [each / 100 for each in range(100)]
    same, moved = drift(usual, usual), drift([each + 3 for each in usual], usual)
    assert same["population_stability_index"] == 0
    assert same["ks_statistic"] == 0
    assert moved["population_stability_index"] > 1
    assert moved["ks_statistic"] == 1
    assert moved["wasserstein_distance"] == pytest.approx(3)
    words = drift(["a"] * 10, ["b"] * 10)
    assert (words["js_distance"], words["tv_distance"]) == (1, 1)
    assert drift(["a", None], ["a", "a"])["percent_null_delta"] == 50
