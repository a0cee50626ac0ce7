"""What every contract shares: a provider name and one place where errors turn ours."""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import ClassVar

from blocks.contracts.errors import ProviderError, Unexpected
from blocks.contracts.operation import OperationRef

Observer = Callable[[str, str, str], AbstractContextManager[None]]
"""Is entered around a call, with its provider, capability and operation."""

_observers: list[Observer] = []


def observe_calls(observer: Observer) -> None:
    """Let an observer see every call of a provider that this process makes from here on."""
    _observers[:] = [observer]


class Contract(abc.ABC):
    """One capability of a provider: public ``@final`` methods over abstract ``_hooks``."""

    provider: ClassVar[str]
    capability: ClassVar[str]
    optional: ClassVar[bool] = False  # a platform may have nobody for it

    @abc.abstractmethod
    def _explain(self, error: Exception) -> ProviderError | None:
        """Return our error for one of the SDK's, or None if it is not the SDK's."""

    def _reference(self, id_: str, token: str, **scope: str) -> OperationRef:
        """Return the handle of something that was begun here."""
        return OperationRef(
            provider=self.provider, capability=self.capability, id=id_, token=token, scope=scope
        )

    @contextmanager
    def _calling(self, operation: str) -> Iterator[None]:
        with self._observed(operation):
            try:
                yield
            except ProviderError as error:
                self._place(error, operation)
                raise
            except Exception as error:
                known = self._explain(error) or Unexpected(f"{type(error).__name__}: {error}")
                self._place(known, operation)
                raise known from error

    def _observed(self, operation: str) -> AbstractContextManager[None]:
        if not _observers:
            return nullcontext()
        return _observers[0](self.provider, self.capability, operation)

    def _place(self, error: ProviderError, operation: str) -> None:
        error.provider, error.operation = self.provider, f"{self.capability}.{operation}"
