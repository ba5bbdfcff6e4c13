"""Parses YAML that people edit into plain values, with the line of each."""

from typing import Any, NamedTuple

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

Place = tuple[str | int, ...]
"""Where a value is: `("tests", 0, "stdin")`."""


class Document(NamedTuple):
    """`value`: dicts, lists and text. `lines`: place -> line, counted from 1."""

    value: Any
    lines: dict[Place, int]

    def line(self, place: Place) -> int | None:
        """The line of the nearest value around `place`."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place)


class YamlError(ValueError):
    """Text that is not valid YAML. The message describes what was found."""

    def __init__(self, found: str, line: int | None = None) -> None:
        self.line = line
        super().__init__(found)


def parse_yaml(text: str) -> Document:
    """Every scalar is its text, so that `1e3` and `yes` can be expected output. Raises YamlError.

    Aliases and repeated keys are errors: the first can expand to any size, the second hides a value.
    """
    lines: dict[Place, int] = {}
    try:
        node = yaml.compose(text, yaml.BaseLoader)
        return Document({} if node is None else _plain(node, (), lines, set()), lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise YamlError(error.problem or "invalid syntax", mark.line + 1 if mark else None) from None
    except yaml.YAMLError:
        raise YamlError("a character that YAML does not allow") from None
    except RecursionError:
        raise YamlError("too deeply nested lists or mappings") from None


def _plain(node: Node, place: Place, lines: dict[Place, int], seen: set[int]) -> Any:
    line = node.start_mark.line + 1
    if id(node) in seen:
        raise YamlError("an alias", line)
    seen.add(id(node))
    lines[place] = line
    if isinstance(node, SequenceNode):
        return [_plain(each, (*place, number), lines, seen) for number, each in enumerate(node.value)]
    if not isinstance(node, MappingNode):
        return node.value
    found: dict[str, Any] = {}
    for key, value in node.value:
        if not isinstance(key, ScalarNode):
            raise YamlError("a key that is not text", key.start_mark.line + 1)
        if key.value in found:
            raise YamlError(f"the key {key.value[:40]!a} twice in the same mapping", key.start_mark.line + 1)
        found[key.value] = _plain(value, (*place, key.value), lines, seen)
        lines[*place, key.value] = key.start_mark.line + 1
    return found
