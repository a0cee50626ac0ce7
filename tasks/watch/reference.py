"""What a model version is watched against, in one small file that is kept with it."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from blocks.contracts import ObjectStore
from tasks.drift import storage
from tasks.drift.performance import Calibrator
from tasks.drift.quality import Quality
from tasks.drift.reference import ReferenceProfile
from tasks.drift.storage import UnreadableProfile
from tasks.transfer.sources import Sources

NAME = "watch-reference.zip"
PREDICTION = "prediction"
BATCH = "batch of the reference"  # column of the sample


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchReference:
    """Profiles by batch, a sample of input rows, and what the scores meant on held-out rows."""

    profile: ReferenceProfile
    sample: pa.Table
    calibrator: Calibrator | None  # None = the model does not answer scores of 0 to 1
    loss: float | None  # mean Brier loss on held-out rows; without chances that of ``quality``
    quality: Quality | None = None  # of a quantity, or of several classes

    @property
    def inputs(self) -> tuple[str, ...]:
        """The inputs that are watched."""
        return tuple(name for name in self.profile.axes.names if name != PREDICTION)


def to_bytes(reference: WatchReference) -> bytes:
    """Return the reference as one zip file."""
    out, rows = io.BytesIO(), io.BytesIO()
    pq.write_table(reference.sample, rows, compression="zstd")
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("profile.npz", storage.to_bytes(reference.profile))
        archive.writestr("sample.parquet", rows.getvalue())
        if reference.calibrator is not None:
            archive.writestr("calibration.json", reference.calibrator.model_dump_json())
        if reference.quality is not None:
            archive.writestr("quality.json", reference.quality.model_dump_json())
        archive.writestr("loss.txt", "" if reference.loss is None else repr(reference.loss))
    return out.getvalue()


def from_bytes(content: bytes) -> WatchReference:
    """Return the reference that was kept. Raises UnreadableProfile."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            kept = {name: archive.read(name) for name in archive.namelist()}
        calibration, loss = kept.get("calibration.json"), kept["loss.txt"].decode()
        quality = kept.get("quality.json")
        return WatchReference(
            profile=storage.from_bytes(kept["profile.npz"]),
            sample=pq.read_table(io.BytesIO(kept["sample.parquet"])),
            calibrator=Calibrator.model_validate_json(calibration) if calibration else None,
            loss=float(loss) if loss else None,
            quality=Quality.model_validate_json(quality) if quality else None,
        )
    except (zipfile.BadZipFile, KeyError, pa.ArrowInvalid) as error:
        raise UnreadableProfile(f"these bytes are no reference of a model: {error}") from error


def read(store: ObjectStore, uri: str) -> WatchReference:
    """Read a reference from a store, or this machine. Raises NotFound or UnreadableProfile."""
    with Sources(store=store).open(uri) as content:
        return from_bytes(content.read())
