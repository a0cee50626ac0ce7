"""Which files of a folder are its rows: Parquet, and not hidden, as Spark and pyarrow have it."""

from __future__ import annotations

from pathlib import Path

NO_ROWS = "no Parquet file in {}; name a file, or a folder with files that end with .parquet"


def is_data_file(name: str) -> bool:
    """Whether a file has rows of a data set, by its path below the folder."""
    return name.endswith(".parquet") and not any(part[0] in "._" for part in name.split("/"))


def inputs_of(data: Path) -> list[tuple[Path, Path]]:
    """Return each Parquet file of a data set and its path in the output, in name order."""
    if data.is_file():
        return [(data, Path(data.name))]
    found = [file.relative_to(data) for file in data.rglob("*.parquet") if file.is_file()]
    seen = [each for each in found if is_data_file(each.as_posix())]
    return [(data / each, each) for each in sorted(seen)]
