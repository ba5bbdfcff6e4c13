"""Writes `checks.yaml` in a readable style: texts of several lines as blocks."""

from typing import Any

import yaml

from labs_schema.checks.models import Checks

HEADER = "# See docs/reference/checks.md. Proposed by grader init-checks: review every expected output.\n"


class _Dumper(yaml.SafeDumper):
    pass


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def checks_yaml(checks: Checks) -> str:
    """The text of `checks.yaml`, without the fields that have their defaults."""
    fields: dict[str, Any] = checks.model_dump(mode="json", exclude_defaults=True)
    return HEADER + yaml.dump(fields, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
