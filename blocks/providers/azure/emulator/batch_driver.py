"""The driver of a batch deployment's step: hands files to a scoring script in mini-batches.

As Azure's parallel step does, it calls ``init`` once, then ``run`` with the paths of a few files;
what ``run`` raises is tried again, then counted, and too many ends the step:
https://learn.microsoft.com/azure/machine-learning/how-to-batch-scoring-script
"""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from blocks.contracts import Frozen

ASKED = "BLUEWATER_BATCH_STEP"  # what the driver is told, as JSON
MODEL, OUTPUT = "AZUREML_MODEL_DIR", "AZUREML_BI_OUTPUT_PATH"


class Step(Frozen):
    """How a deployment wants its script to be called."""

    script: str
    model: str  # what the model's folder is called
    mini_batch: int = 10
    retries: int = 3
    timeout: float = 30.0  # seconds of one mini-batch
    threshold: int = -1  # files that may fail; -1: any number
    rows_to: str = ""  # the file that what is returned is written to; empty: nothing is


def main() -> None:
    """Score this machine's share of the files."""
    code, model, data, output = (Path(each) for each in sys.argv[1:])
    step = Step.model_validate_json(os.environ[ASKED])
    os.environ[MODEL], os.environ[OUTPUT] = str(_homed(model, step.model)), str(output)
    script = _loaded(code / step.script)
    script.init()
    signal.signal(signal.SIGALRM, _late)
    failed = 0
    for files in _share(_files(data), step.mini_batch):
        rows = _scored(script, files, step)
        if rows is None:
            failed += len(files)
            if 0 <= step.threshold < failed:
                sys.exit(f"The number of failed items {failed} is above {step.threshold}.")
        elif step.rows_to:
            with (output / step.rows_to).open("a") as out:
                out.writelines(f"{row}\n" for row in rows)


def _homed(model: Path, name: str) -> Path:
    """Return a folder in which the model is under its name."""
    home = Path("azureml-models").absolute()
    home.mkdir()
    model.rename(home / name)
    return home


def _loaded(script: Path) -> ModuleType:
    sys.path.insert(0, str(script.parent))
    told = importlib.util.spec_from_file_location("entry_module", script)
    if told is None or told.loader is None:
        sys.exit(f"{script} is no Python script")
    module = importlib.util.module_from_spec(told)
    told.loader.exec_module(module)
    return module


def _files(data: Path) -> Iterator[str]:
    if data.is_file():
        yield str(data)
    yield from sorted(str(each) for each in data.rglob("*") if each.is_file())


def _share(files: Iterable[str], size: int) -> list[tuple[str, ...]]:
    rank, world = (int(os.environ.get(*each)) for each in (("RANK", "0"), ("WORLD_SIZE", "1")))
    every = list(files)
    batches = [tuple(every[start : start + size]) for start in range(0, len(every), size)]
    return batches[rank::world]


def _scored(script: ModuleType, files: Sequence[str], step: Step) -> list[Any] | None:
    """Return what the script makes of a mini-batch; None where it fails every time."""
    for _ in range(step.retries + 1):
        try:
            signal.setitimer(signal.ITIMER_REAL, step.timeout)
            found = script.run(list(files))
            return list(getattr(found, "values", found))
        except Exception as error:  # noqa: BLE001 - whatever the script raises
            print(f"Mini-batch failed: {type(error).__name__}: {error}", flush=True)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    return None


def _late(_number: int, _frame: FrameType | None) -> None:
    raise TimeoutError("the mini-batch took too long")


if __name__ == "__main__":
    main()
