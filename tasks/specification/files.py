"""A YAML file as the mapping that it holds."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from tasks.specification.problems import Problem, SpecificationRefused


def read_mapping(file: Path) -> dict[str, Any]:
    """Return what a YAML file holds. Raises SpecificationRefused where that is no mapping."""
    try:
        content = parsed(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise refused(str(file), f"cannot be read: {error.strerror}", "name a file") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = str(error).replace("\n", " ")
        raise refused(str(file), f"is not YAML: {where}", "correct the syntax") from error
    if not isinstance(content, dict):
        raise refused(str(file), "holds no mapping", "start from the example")
    return content


def parsed(text: str) -> Any:
    """Return the value of a YAML text. Raises yaml.YAMLError, also for a key that comes twice."""
    return yaml.load(text, Loader=_Strict)  # noqa: S506, a safe loader that refuses more


def refused(value: str, problem: str, remedy: str) -> SpecificationRefused:
    """Return the error for a file that is no specification at all."""
    return SpecificationRefused(
        [Problem(field="(the file)", value=value, problem=problem, remedy=remedy)]
    )


class _Strict(yaml.SafeLoader):
    """Of a key that comes twice PyYAML keeps the last: what was written first would go unseen."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Return the mapping. Raises yaml.YAMLError where a key comes twice."""
        seen: set[Any] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key.value!r} comes twice", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)
