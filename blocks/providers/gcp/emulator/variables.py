"""How Vertex AI fills in the environment of a container."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Protocol

_REFERENCE = re.compile(r"(\$+)\(([^)]*)(\)?)")


class Variable(Protocol):
    """A name and a value, as a request has them."""

    name: str
    value: str


def filled(env: Mapping[str, str], more: Iterable[Variable]) -> dict[str, str]:
    """Return an environment with more variables, which may refer to those before them."""
    found = dict(env)
    for each in more:
        found[each.name] = expanded(each.value, found)
    return found


def expanded(value: str, env: Mapping[str, str]) -> str:
    """Return a value with every $(NAME) of a variable before it; $$(NAME) means $(NAME)."""

    def replaced(found: re.Match[str]) -> str:
        dollars, name, end = found.groups()
        kept = "$" * (len(dollars) // 2)
        if len(dollars) % 2 == 0:
            return f"{kept}({name}{end}"
        return kept + (env.get(name, f"$({name})") if end else f"$({name}")

    return _REFERENCE.sub(replaced, value)
