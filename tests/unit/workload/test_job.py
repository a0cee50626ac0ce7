from __future__ import annotations

import json
import math
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from blocks.workload import INTERRUPTED_EXIT, Job, UnreadableOutcome, digest, read_outcome
from blocks.workload.outcome import PROGRESS, parse_outcome


def environ(folder: Path, **more: str) -> dict[str, str]:
    return {
        "BLUEWATER_DATA": str(folder / "data"),
        "BLUEWATER_CHECKPOINTS": str(folder / "checkpoints"),
        "BLUEWATER_OUTPUT": str(folder / "output"),
        "BLUEWATER_PROGRESS": str(folder / "progress.json"),
        "BLUEWATER_TOKEN": "0123456789abcdef",
        "BLUEWATER_PARAMETERS": '{"rounds": "7", "name": "x", "bad": "seven"}',
        **more,
    }


def model(folder: Path) -> Path:
    (folder / "model" / "deep").mkdir(parents=True)
    (folder / "model" / "deep" / "weights").write_bytes(b"\x00" * 1000)
    return folder / "model"


def run(script: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environ(folder, **more)},
    )


def test_success_is_a_model_in_the_output_place_and_an_outcome(tmp_path: Path) -> None:
    with Job.from_environment(environ(tmp_path)) as job:
        job.succeed(model=model(tmp_path), metrics={"auc": 0.9, "odd": math.nan})
    outcome = read_outcome(tmp_path / "output", job.token)
    assert outcome is not None
    assert outcome.ok
    kept = Path(outcome.model_uri.removeprefix("file://"))
    assert kept.parent == tmp_path / "output"
    assert outcome.digest == digest(kept) == digest(tmp_path / "model")
    assert outcome.metrics["auc"] == 0.9
    assert math.isnan(outcome.metrics["odd"])


def test_attempts_that_share_an_output_place_have_outcomes_of_their_own(tmp_path: Path) -> None:
    with Job.from_environment(environ(tmp_path)) as job:
        job.succeed(model=model(tmp_path), metrics={})
    assert read_outcome(tmp_path / "output", "another") is None
    assert read_outcome(tmp_path / "output") is None


def test_an_exception_is_told_and_goes_on(tmp_path: Path) -> None:
    job = Job.from_environment(environ(tmp_path))
    with pytest.raises(ValueError, match="loss is NaN"), job:
        raise ValueError("loss is NaN")
    outcome = read_outcome(tmp_path / "output", job.token)
    assert outcome is not None
    assert not outcome.ok
    assert (outcome.code, outcome.message) == ("ValueError", "ValueError: loss is NaN")


def test_an_exception_after_success_changes_nothing(tmp_path: Path) -> None:
    job = Job.from_environment(environ(tmp_path))
    with pytest.raises(ValueError, match="late"), job:
        job.succeed(model=model(tmp_path), metrics={})
        raise ValueError("late")
    outcome = read_outcome(tmp_path / "output", job.token)
    assert outcome is not None
    assert outcome.ok


def test_a_secret_in_an_exception_is_masked(tmp_path: Path) -> None:
    told = environ(tmp_path, BLUEWATER_SECRETS="API_KEY", API_KEY="sesame")
    job = Job.from_environment(told)
    with pytest.raises(ValueError, match="sesame"), job:
        raise ValueError("refused: sesame")
    outcome = read_outcome(tmp_path / "output", job.token)
    assert outcome is not None
    assert outcome.message == "ValueError: refused: ***"


def test_a_model_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    job = Job.from_environment(environ(tmp_path))
    with pytest.raises(NotADirectoryError), job:
        job.succeed(model=tmp_path / "nothing", metrics={})
    outcome = read_outcome(tmp_path / "output", job.token)
    assert outcome is not None
    assert outcome.code == "NotADirectoryError"


def test_parameters_are_text_and_numbers(tmp_path: Path) -> None:
    job = Job.from_environment(environ(tmp_path))
    assert job.parameters["rounds"] == "7"
    assert job.number("rounds", 1) == 7
    assert job.number("absent", 1.5) == 1.5
    assert job.text("name", "y") == "x"
    assert job.text("absent", "y") == "y"
    with pytest.raises(ValueError, match="bad='seven'"):
        job.number("bad", 1)


def test_data_is_a_path(tmp_path: Path) -> None:
    assert Job.from_environment(environ(tmp_path)).data == tmp_path / "data"
    told = environ(tmp_path, BLUEWATER_DATA=(tmp_path / "a b").as_uri())
    assert Job.from_environment(told).data == tmp_path / "a b"
    with pytest.raises(LookupError, match="BLUEWATER_DATA"):
        _ = Job.from_environment({"BLUEWATER_CHECKPOINTS": str(tmp_path)}).data


def test_progress_is_told_and_goes_into_the_checkpoint(tmp_path: Path) -> None:
    job = Job.from_environment(environ(tmp_path))
    job.progress(done=3, of=4, loss=0.5)
    told = json.loads((tmp_path / "progress.json").read_text())
    assert told == {"done": 3, "of": 4, "metrics": {"loss": 0.5}}
    with job.checkpoints.saving(3) as folder:
        (folder / "state").write_text("3")
    found = job.checkpoints.latest()
    assert found is not None
    assert found.metrics == {"loss": 0.5}


def test_the_last_word_of_progress_is_never_swallowed(tmp_path: Path) -> None:
    job = Job.from_environment(environ(tmp_path))
    for done in range(1, 1001):
        job.progress(done=done, of=1000)
    assert json.loads((tmp_path / "progress.json").read_text())["done"] == 1000


LEAVES_ON_NOTICE = """
import os, signal
from blocks.workload import Job
with Job.from_environment() as job:
    assert not job.notice()
    job.stop_if_noticed()
    os.kill(os.getpid(), signal.SIGTERM)
    assert job.notice()
    assert job.checkpoints.due()
    with job.checkpoints.saving(4) as folder:
        (folder / "state").write_text("4")
    job.stop_if_noticed()
    raise AssertionError("still here")
"""


def test_a_notice_allows_a_last_save_and_leaves_with_the_code_for_interrupted(
    tmp_path: Path,
) -> None:
    done = run(LEAVES_ON_NOTICE, tmp_path)
    assert done.returncode == INTERRUPTED_EXIT, done.stderr
    found = Job.from_environment(environ(tmp_path)).checkpoints.latest()
    assert found is not None
    assert found.step == 4
    assert read_outcome(tmp_path / "output", "0123456789abcdef") is None


FALLS_APART_AFTER_NOTICE = """
import os, signal
from blocks.workload import Job
with Job.from_environment() as job:
    os.kill(os.getpid(), signal.SIGTERM)
    raise ConnectionError("the data loader was shut down")
"""


def test_what_breaks_after_a_notice_is_not_the_codes_fault(tmp_path: Path) -> None:
    assert run(FALLS_APART_AFTER_NOTICE, tmp_path).returncode == 1
    assert read_outcome(tmp_path / "output", "0123456789abcdef") is None


def test_the_signal_handler_is_given_back(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Job.from_environment(environ(tmp_path)):
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


IMPORTS = """
import sys
import blocks.workload
names = {name.partition(".")[0] for name in sys.modules}
print(sorted(names - set(sys.stdlib_module_names) - {"blocks", "__main__"}))
"""


def test_the_kit_needs_the_standard_library_only(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-S", "-c", IMPORTS],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"ok": true, "extra": 1}', b'{"no": 1}'])
def test_what_is_no_outcome_is_said_to_be_none(content: bytes) -> None:
    with pytest.raises(UnreadableOutcome):
        parse_outcome(content)


def test_progress_is_a_line_of_the_log_where_there_is_no_file(
    capsys: pytest.CaptureFixture[str],
) -> None:
    job = Job.from_environment({"BLUEWATER_PROGRESS": "-"})
    job.progress(done=1, of=4)
    job.progress(done=2, of=4)  # too soon after the first
    job.progress(done=4, of=4)
    told = capsys.readouterr().out.splitlines()
    assert [re.findall(PROGRESS, line) for line in told] == [["0.2500"], ["1.0000"]]
