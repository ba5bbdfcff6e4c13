"""Help layout, argument names, `--json` and the paragraph on the exit status: common to all commands."""

from functools import cache
from inspect import cleandoc
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from grader.terminal import choose_output

DATA, TRAINING, GRADING, TRUST = "Data", "Training", "Grading", "Trust"
OPERATION, PLATFORMS = "Operation", "Platforms"
"""Panels of `grader --help`."""

EXIT_STATUS = "Exit status: 0 for success, 1 for an error, 2 for wrong options."
"""The text for a command whose help does not state its exit status."""

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


@cache
def json_option() -> Any:
    """The option `--json` of every command. Typer makes options only from a function's parameters."""
    template = typer.Typer()

    @template.command()
    def command(
        requested: Annotated[
            bool,
            typer.Option(
                "--json",
                callback=_choose_output,
                expose_value=False,
                is_eager=True,
                help="Print one JSON document instead of text. Everything else goes to stderr.",
            ),
        ] = False,
    ) -> None: ...

    [option] = [each for each in typer.main.get_command(template).params if "--json" in each.opts]
    return option


def _choose_output(context: typer.Context, requested: bool) -> None:
    if not context.resilient_parsing:
        choose_output(requested, context.call_on_close)


class HelpCommand(PlainOptions, TyperCommand):
    """A command whose paragraphs fill the terminal's width. Its line in the list of commands is its first sentence.

    Typer keeps the line ends of a docstring, which are those of our editor.
    """

    def __init__(self, *args: Any, help: str | None = None, **settings: Any) -> None:
        paragraphs = [" ".join(text.split()) for text in cleandoc(help or "").split("\n\n")]
        if not any(text.startswith("Exit status:") for text in paragraphs):
            paragraphs.append(EXIT_STATUS)
        settings["params"] = [*settings.get("params", ()), json_option()]
        settings["short_help"] = settings.get("short_help") or paragraphs[0].split(". ")[0].rstrip(".") + "."
        super().__init__(*args, help="\n\n".join(paragraphs), **settings)


class HelpGroup(PlainOptions, TyperGroup):
    """A group of commands."""
