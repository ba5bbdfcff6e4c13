"""Help as wide as the reader's terminal. Typer keeps the line ends of a docstring, which are those of our editor: at 80
columns every second line would have a word or two. Knows no command."""

from inspect import cleandoc
from typing import Any

from typer.core import TyperCommand


class FlowingHelp(TyperCommand):
    """A command whose help flows, and whose line in the list of commands ends at the first colon of its help."""

    def __init__(self, *args: Any, help: str | None = None, **settings: Any) -> None:
        paragraphs = flowing(help or "")
        settings["short_help"] = settings.get("short_help") or paragraphs[0].split(": ")[0].rstrip(".") + "."
        super().__init__(*args, help="\n\n".join(paragraphs), **settings)


def flowing(text: str) -> list[str]:
    """Its paragraphs, each in one line."""
    return [" ".join(paragraph.split()) for paragraph in cleandoc(text).split("\n\n")]
