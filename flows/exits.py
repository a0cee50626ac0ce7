"""How the command line ends."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes; stable, so that scripts may rely on them."""

    OK = 0
    ERROR = 1
    USAGE = 2
    DATA = 3
    TRAINING = 4
    CHALLENGER = 5
    RETURNED = 6
    PROVIDER = 7
    BUSY = 8
    NOT_APPROVED = 9
    RETRAIN = 10
    TAMPERED = 11
    STOPPED = 130

    @property
    def meaning(self) -> str:
        """What the code says, for --help."""
        return MEANINGS[self]


MEANINGS = {
    Exit.OK: "Done.",
    Exit.ERROR: "Something unexpected; run again with BLUEWATER_TRACEBACK=1 to see where.",
    Exit.USAGE: "The command or the specification is wrong; nothing was started.",
    Exit.DATA: "The data failed its checks; nothing was trained.",
    Exit.TRAINING: "Training failed, or lost its machine too often.",
    Exit.CHALLENGER: "The new model did not pass its gates; nothing was rolled out.",
    Exit.RETURNED: "The new version was worse in live traffic; the version before has it all.",
    Exit.PROVIDER: "A provider refused or did not answer.",
    Exit.BUSY: "Another run holds the endpoint or has taken this run over.",
    Exit.NOT_APPROVED: "Somebody, or nobody in time, said no; nothing was rolled out.",
    Exit.RETRAIN: "Done, and a retrain is asked for (watch).",
    Exit.TAMPERED: "The audit log is not what was written (audit).",
    Exit.STOPPED: "Stopped by the user.",
}
