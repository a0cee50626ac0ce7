from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from blocks.workload import digest


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        file = folder / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def test_the_digest_is_over_names_sizes_and_contents(tmp_path: Path) -> None:
    """Written out by hand, so that another language could compute it, too."""
    written(tmp_path, b="2", a__c="33")
    by_hand = b"a/c\0" + (2).to_bytes(8, "big") + b"33" + b"b\0" + (1).to_bytes(8, "big") + b"2"
    assert digest(tmp_path) == hashlib.sha256(by_hand).hexdigest()


def test_the_order_of_writing_does_not_matter(tmp_path: Path) -> None:
    first = written(tmp_path / "first", a="1", z="2", b__a="3")
    second = written(tmp_path / "second", b__a="3", z="2", a="1")
    assert digest(first) == digest(second)


@pytest.mark.parametrize(
    "files",
    [{"a": "1", "b": "3"}, {"a": "1", "c": "2"}, {"a": "12", "b": ""}, {"a": "1"}, {"x__a": "1"}],
)
def test_any_other_folder_has_another_digest(tmp_path: Path, files: dict[str, str]) -> None:
    mine = written(tmp_path / "mine", a="1", b="2")
    assert digest(mine) != digest(written(tmp_path / "other", **files))


def test_empty_folders_do_not_count(tmp_path: Path) -> None:
    before = digest(written(tmp_path, a="1"))
    (tmp_path / "empty").mkdir()
    assert digest(tmp_path) == before


def test_only_a_folder_has_one(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError, match="nothing"):
        digest(tmp_path / "nothing")


def test_what_python_compiled_does_not_count(tmp_path: Path) -> None:
    before = digest(written(tmp_path, code__model="1"))
    cache = tmp_path / "code" / "__pycache__"
    cache.mkdir()
    (cache / "model.pyc").write_text("compiled")
    assert digest(tmp_path) == before
