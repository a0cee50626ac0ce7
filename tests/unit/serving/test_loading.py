"""A model's folder is verified before anything of it runs, and is the same after."""

from __future__ import annotations

import importlib.util
import os
import py_compile
import sys
from pathlib import Path

import pytest

from blocks.serving.loading import NotVerified, load_verified
from blocks.testing.models import make_model
from blocks.workload import digest


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "path", list(sys.path))
    make_model(tmp_path / "model", kind="constant")
    return tmp_path / "model"


def code_of(folder: Path) -> Path:
    [code] = [each for each in folder.rglob("*.py") if each.name.startswith("bluewater_")]
    return code


def test_loading_leaves_the_folder_as_it_was(folder: Path) -> None:
    load_verified(folder, digest(folder))
    assert not list(folder.rglob("__pycache__"))
    assert not sys.dont_write_bytecode


def test_code_that_somebody_compiled_into_the_folder_does_not_run(
    folder: Path, tmp_path: Path
) -> None:
    """A cache bears the time and size of its source, and no digest covers it."""
    code, registered = code_of(folder), digest(folder)
    ran, honest = tmp_path / "ran", code.read_text()
    evil = f"open({str(ran)!r}, 'w')\n" + honest
    code.write_text(evil)
    times = code.stat()
    cached = importlib.util.cache_from_source(str(code))
    py_compile.compile(str(code), cfile=cached)
    code.write_text(honest)
    header = bytearray(Path(cached).read_bytes())
    header[8:16] = int(times.st_mtime).to_bytes(4, "little") + len(honest).to_bytes(4, "little")
    Path(cached).write_bytes(header)
    os.utime(code, ns=(times.st_atime_ns, times.st_mtime_ns))

    load_verified(folder, registered)
    assert not ran.exists()


def test_nothing_of_another_folder_is_loaded(folder: Path) -> None:
    with pytest.raises(NotVerified, match="registered was abc"):
        load_verified(folder, "abc")
    assert code_of(folder).stem not in sys.modules


def test_a_link_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "link").symlink_to(tmp_path)
    with pytest.raises(NotVerified, match="is a link"):
        load_verified(folder, digest(folder))
