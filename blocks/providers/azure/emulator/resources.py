"""The usual calls on one kind of thing: what each is named, and what it takes to be allowed it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from blocks.providers.azure.emulator.operations import ML, Handler, Route


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A kind of thing that can be made, told, listed and removed.

    A permission is its type, with ``read``, ``write``, ``delete`` or the word of a POST behind it:
    https://learn.microsoft.com/azure/role-based-access-control/resource-provider-operations
    """

    group: str  # of operations, as the SDK names it
    path: str  # with {words}, the last of which is its own name
    model: str = ""  # the SDK's, of a body and of an answer
    kind: str = ""  # its type, where that is not what the path says
    service: str = "ml"

    def put(self, handler: Handler) -> Route:
        """Make one, or change one."""
        models = {"model": self.model, "answers": self.model}
        return self._one("PUT", "CreateOrUpdate", "write", handler, **models)

    def get(self, handler: Handler) -> Route:
        """Tell of one."""
        return self._one("GET", "Get", "read", handler, answers=self.model)

    def delete(self, handler: Handler) -> Route:
        """Remove one."""
        return self._one("DELETE", "Delete", "delete", handler)

    def list(self, handler: Handler) -> Route:
        """Tell of all."""
        one = self._one("GET", "List", "read", handler)
        return replace(one, path=self.path.rpartition("/")[0])

    def post(self, word: str, handler: Handler, *, takes: str = "", **models: str) -> Route:
        """Do with one what the word says; ``takes`` is for one that is allowed by another word."""
        operation = f"{word[0].upper()}{word[1:]}"
        one = self._one("POST", operation, takes or f"{word}/action", handler, **models)
        return replace(one, path=f"{self.path}/{word}")

    def _one(
        self, method: str, operation: str, permission: str, handler: Handler, **models: str
    ) -> Route:
        kind = self.kind or "/".join([ML, *self.path.split("/")[::2]])
        return Route(
            service=self.service,
            method=method,
            path=self.path,
            operation=f"{self.group}.{operation}",
            action=f"{kind}/{permission}",
            handler=handler,
            model=models.get("model", ""),
            answers=models.get("answers", ""),
        )
