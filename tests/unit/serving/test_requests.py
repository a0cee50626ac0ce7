"""What a request must look like, and what it gets if it does not."""

from __future__ import annotations

from typing import Any

import pytest

from blocks.workload import digest
from tests.unit.serving.servers import ROW, Server

ROWS = [ROW, {**ROW, "x": 0.75}]
NAMES = list(ROW)


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_records": ROWS},
        {"dataframe_split": {"columns": NAMES, "data": [list(row.values()) for row in ROWS]}},
        {"instances": ROWS},
        {"inputs": ROWS},
        {"inputs": {name: [row[name] for row in ROWS] for name in NAMES}},
    ],
    ids=["records", "split", "instances", "inputs by row", "inputs by column"],
)
def test_every_json_shape_of_mlflow_is_understood(server: Server, body: Any) -> None:
    answer = server.post(body)
    assert (answer.status_code, answer.json()) == (200, {"predictions": [0.25, 0.75]})


def test_csv_is_read_by_the_types_of_the_model(server: Server) -> None:
    body = b'x,n,city,open,maybe,note\n0.5,4,"Oslo, Norway",true,,\n1,5,007,False,2.5,\n'
    answer = server.post(body, content_type="text/csv; charset=utf-8")
    assert (answer.status_code, answer.json()) == (200, {"predictions": [0.5, 1.0]})
    kept = server.kept(answer.headers["x-request-id"])
    assert [row["city"] for row in kept] == ["Oslo, Norway", "007"]
    assert [row["maybe"] for row in kept] == [None, 2.5]


MISFITS: dict[str, tuple[Any, str, str]] = {
    "a text where a number belongs": ({"x": "high"}, "TYPE", "x"),
    "a truth value where a number belongs": ({"x": True}, "TYPE", "x"),
    "a fraction where a whole number belongs": ({"n": 1.5}, "TYPE", "n"),
    "a whole number that is too large": ({"n": 2**63}, "TYPE", "n"),
    "a number where a text belongs": ({"city": 5}, "TYPE", "city"),
    "a number where a truth value belongs": ({"open": 1}, "TYPE", "open"),
    "a list where a number belongs": ({"x": [1.0]}, "TYPE", "x"),
    "an object where a text belongs": ({"city": {"a": 1}}, "TYPE", "city"),
    "no date": ({"day": "the day after"}, "TYPE", "day"),
    "null where a value must be": ({"x": None}, "MISSING_VALUE", "x"),
    "NaN where a value must be": ({"x": float("nan")}, "MISSING_VALUE", "x"),
    "infinity": ({"x": float("inf")}, "TYPE", "x"),
    "null for a text that must be": ({"city": None}, "MISSING_VALUE", "city"),
    "an unknown column": ({"colour": "red"}, "UNKNOWN_COLUMN", "colour"),
}


@pytest.mark.parametrize(("change", "code", "field"), MISFITS.values(), ids=MISFITS)
def test_a_misfit_is_refused_by_the_name_of_its_field(
    server: Server, change: dict[str, Any], code: str, field: str
) -> None:
    answer = server.ask(ROW, {**ROW, **change})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["field"]) == (400, code, field)
    assert field in error["message"]
    assert error["remedy"]
    assert server.ask(ROW).status_code == 200


def test_a_missing_column_is_refused_by_its_name(server: Server) -> None:
    answer = server.ask({name: value for name, value in ROW.items() if name != "city"})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["field"]) == (400, "MISSING_COLUMN", "city")


def test_a_column_that_one_row_lacks_is_refused_with_the_row(server: Server) -> None:
    answer = server.ask(ROW, {name: value for name, value in ROW.items() if name != "n"})
    error = answer.json()["error"]
    assert (error["code"], error["field"]) == ("MISSING_VALUE", "n")
    assert "row 1" in error["message"]


@pytest.mark.parametrize("change", [{}, {"maybe": None}, {"maybe": float("nan")}, {"maybe": 3}])
def test_an_optional_column_may_be_missing_or_empty(server: Server, change: Any) -> None:
    assert server.ask({**ROW, **change}).json() == {"predictions": [0.25]}


def test_a_whole_number_may_be_written_with_a_point(server: Server) -> None:
    answer = server.ask({**ROW, "x": 1, "n": 3.0, "day": "2013-05-15T12:00:00+02:00"})
    assert answer.json() == {"predictions": [1.0]}
    (row,) = server.kept(answer.headers["x-request-id"])
    assert (row["n"], row["day"].isoformat()) == (3, "2013-05-15T10:00:00")


BROKEN: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "EMPTY"),
    "blanks": (b"  \n", "EMPTY"),
    "half a document": (b'{"dataframe_records": [{"x": 0.', "JSON"),
    "no UTF-8": (b'{"dataframe_records": "\xff\xfe"}', "JSON"),
    "endless nesting": (b'{"inputs":' + b"[" * 200_000, "JSON"),
    "endless nesting with NaN": (b'{"inputs":' + b"[" * 200_000 + b"NaN", "JSON"),
    "a list": (b"[1, 2]", "SHAPE"),
    "none of the shapes": (b'{"rows": []}', "SHAPE"),
    "two of the shapes": (b'{"inputs": [], "instances": []}', "SHAPE"),
    "rows that are no objects": (b'{"dataframe_records": [1, 2]}', "SHAPE"),
    "rows without names": (b'{"instances": [[1, 2]]}', "SHAPE"),
    "no rows": (b'{"dataframe_records": []}', "EMPTY"),
    "columns without rows": (b'{"dataframe_split": {"columns": ["x"], "data": []}}', "EMPTY"),
    "rows of other lengths": (
        b'{"dataframe_split": {"columns": ["x"], "data": [[1, 2]]}}',
        "SHAPE",
    ),
    "a column twice": (b'{"dataframe_split": {"columns": ["x", "x"], "data": [[1, 2]]}}', "SHAPE"),
    "columns of other lengths": (b'{"inputs": {"x": [1], "n": [1, 2]}}', "SHAPE"),
}


@pytest.mark.parametrize(("body", "code"), BROKEN.values(), ids=BROKEN)
def test_a_body_that_is_none_is_refused_and_the_server_lives(
    server: Server, body: bytes, code: str
) -> None:
    answer = server.post(body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    assert server.ask(ROW).status_code == 200


@pytest.mark.parametrize("body", [b"x,n\n1\n", b"x,x\n1,2\n", b'x\n"1', b"\xff", b"", b"x\n"])
def test_csv_that_is_none_is_refused(server: Server, body: bytes) -> None:
    assert server.post(body, content_type="text/csv").status_code == 400


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-npy", "application/json; charset=latin1"]
)
def test_another_content_type_is_refused(server: Server, kind: str) -> None:
    answer = server.post({"dataframe_records": [ROW]}, content_type=kind)
    assert (answer.status_code, answer.json()["error"]["field"]) == (415, "content-type")


def test_parameters_reach_the_model_and_unknown_ones_are_refused(server: Server) -> None:
    rows = {"dataframe_records": [ROW]}
    assert server.post({**rows, "params": {"factor": 4.0}}).json() == {"predictions": [1.0]}
    unknown = server.post({**rows, "params": {"factors": 4.0}}).json()["error"]
    assert (unknown["code"], unknown["field"]) == ("UNKNOWN_PARAMETER", "factors")
    wrong = server.post({**rows, "params": {"factor": "four"}}).json()["error"]
    assert (wrong["code"], wrong["field"]) == ("TYPE", "factor")


def test_a_model_that_fails_is_a_500_without_its_words(server: Server) -> None:
    answer = server.ask({**ROW, "x": 1000.0})
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "MODEL")
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert server.ask(ROW).status_code == 200


def test_an_answer_says_who_gave_it_and_to_what(server: Server) -> None:
    given = server.ask(ROW, x_request_id="r-17").headers
    assert (given["x-bluewater-variant"], given["x-bluewater-version"]) == ("blue", "7")
    assert given["x-request-id"] == "r-17"
    made = [server.ask(ROW).headers["x-request-id"] for _ in range(2)]
    assert made[0] != made[1]
    assert server.ask(ROW, x_request_id="x" * 129).headers["x-request-id"] != "x" * 129


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/live", 200),
        ("HEAD", "/live", 200),
        ("GET", "/ready", 200),
        ("GET", "/ping", 200),
        ("GET", "/version", 200),
        ("POST", "/ready", 405),
        ("GET", "/invocations", 405),
        ("HEAD", "/invocations", 405),
        ("POST", "/somewhere", 404),
    ],
)
def test_each_path_has_its_methods(server: Server, method: str, path: str, status: int) -> None:
    head = f"{method} {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
    answer = server.raw(head.encode(), reads=9)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    if method == "HEAD":
        assert answer.endswith(b"\r\n\r\n")


def test_chunks_pipelines_and_expectations_are_answered_in_order(server: Server) -> None:
    body = b'{"dataframe_records": [{"x": %s, "n": 1, "city": "a", "open": true}]}'
    head = b"POST /invocations HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
    first = head + b"transfer-encoding: chunked\r\n\r\n"
    for part in (body[:20], body[20:] % b"0.125"):
        first += b"%x\r\n%s\r\n" % (len(part), part)
    second = head + b"content-length: %d\r\n\r\n" % len(body % b"0.5") + body % b"0.5"
    answers = server.raw(first + b"0\r\n\r\n" + second, reads=2)
    assert answers.index(b"[0.125]") < answers.index(b"[0.5]")
    expecting = head + b"expect: 100-continue\r\ncontent-length: %d\r\n\r\n" % len(body % b"0.5")
    assert server.raw(expecting, body % b"0.5", reads=2).startswith(b"HTTP/1.1 100 ")


def test_serving_a_model_leaves_its_folder_as_it_was(server: Server) -> None:
    """Python compiles what it imports; in the model's folder that would change the digest."""
    assert server.ask(ROW).status_code == 200
    assert digest(server.config.model_folder) == server.config.model.digest
