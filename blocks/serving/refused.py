"""A request that is not answered, and why."""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """The request does not fit the contract, or comes at a bad time; the message names the field.

    ``close`` asks for the connection to be closed, because its caller may still be sending.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        field: str = "",
        remedy: str = "",
        retry_after: float | None = None,
        close: bool = False,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.field, self.remedy = status, code, field, remedy
        self.retry_after, self.close = retry_after, close

    def body(self) -> dict[str, Any]:
        """Return the answer's JSON."""
        error = {"code": self.code, "field": self.field, "message": str(self)}
        return {"error": error | {"remedy": self.remedy}}
