"""Help layout and argument names of all commands."""

from inspect import cleandoc
from pathlib import Path
from typing import Any, get_args

from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

DATA, TRAINING, GRADING, TRUST, OPERATION = "Data", "Training", "Grading", "Trust", "Operation"
"""Panels of `grader --help`."""

METAVARS: dict[Any, str] = {bool: "", int: "N", float: "NUMBER", str: "TEXT", Path: "PATH"}


class PlainOptions:
    """Options named N, PATH, TEXT instead of Typer's <int range>, <path>, <str>; flags without <bool>."""

    params: list[Any]

    def get_params(self, ctx: Any) -> list[Any]:
        params: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for param in params:
            if isinstance(param, TyperOption) and param.metavar is None:
                param.metavar = _metavar(param.type_descriptor.annotation)
            elif isinstance(param, TyperArgument) and not param.type_descriptor.is_choice:
                param.display_type_rich = _no_type  # type: ignore[method-assign]
        return params


def _no_type(ctx: Any) -> None:
    """An argument's name is enough: Typer adds <list[Path]>."""


def _metavar(annotation: Any) -> str | None:
    """None leaves the name to Typer, which lists the values of a choice."""
    element = next(iter(get_args(annotation)), annotation)
    name = METAVARS.get(element)
    return f"{name}..." if name and element is not annotation else name


class HelpCommand(PlainOptions, TyperCommand):
    """A command whose paragraphs fill the terminal's width. Its line in the list of commands is its first sentence.

    Typer keeps the line ends of a docstring, which are those of our editor.
    """

    def __init__(self, *args: Any, help: str | None = None, **settings: Any) -> None:
        paragraphs = [" ".join(text.split()) for text in cleandoc(help or "").split("\n\n")]
        settings["short_help"] = settings.get("short_help") or paragraphs[0].split(". ")[0].rstrip(".") + "."
        super().__init__(*args, help="\n\n".join(paragraphs), **settings)


class HelpGroup(PlainOptions, TyperGroup):
    """A group of commands."""
