"""`grader generate`: free prompts through a model."""

from pathlib import Path
from typing import Annotated

import typer

from grader.cli.options import Engine, Model, Seed
from grader.progress_bars import step_bars


def generate(
    model: Model,
    prompt: Annotated[str | None, typer.Argument(metavar="PROMPT", help="The prompt, or use --prompts.")] = None,
    prompts: Annotated[
        Path | None,
        typer.Option(
            "--prompts",
            metavar="FILE",
            help="JSON Lines (.jsonl) with 'prompt' or 'messages' in every row; any other file is one prompt.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="JSON Lines to write. Default: standard output.")
    ] = None,
    max_tokens: Annotated[int, typer.Option(min=1, help="Longest answer, in tokens.")] = 256,
    temperature: Annotated[float, typer.Option(min=0, max=10, help="0: the likeliest token; 1: as the model is.")] = 0,
    top_p: Annotated[
        float, typer.Option("--top-p", min=0.01, max=1, help="Sample from the likeliest tokens of this total.")
    ] = 1.0,
    seed: Seed = 0,
    engine: Engine = "auto",
) -> None:
    """Writes a model's answers to free prompts.

    The model's chat template is applied. A prompt on the command line prints its answer as text; a file gives a JSON
    line with number, text and finish (stop, length or error) for each prompt.

    Example: [bold]grader generate --model runs/latest "Write a C function that squares a number."[/]

    Many prompts: [bold]grader generate --model runs/latest --prompts prompts.jsonl --out answers.jsonl[/]
    """
    from labs_schema.full_disk import reporting_full_disk
    from serving.engines.engine import Sampling
    from serving.model.generation import Generator, PromptRow, read_prompts

    if (prompt is None) == (prompts is None):
        raise typer.BadParameter("give a PROMPT or --prompts FILE")
    rows = [PromptRow(prompt=prompt)] if prompts is None else read_prompts(prompts)
    sampling = Sampling(max_tokens=max_tokens, temperature=temperature, top_p=top_p, seed=seed)
    generator = Generator(model, engine)
    try:
        with step_bars() as show:
            found = list(generator.answers(rows, sampling, lambda done, total: show("Generating", done, total)))
    finally:
        generator.close()
    if prompts is None and out is None and found[0].text is not None:
        typer.echo(found[0].text)
        return
    lines = "".join(each.model_dump_json(exclude_none=True) + "\n" for each in found)
    if out is None:
        typer.echo(lines, nl=False)
    else:
        with reporting_full_disk(out, "run the same command again."):
            out.write_text(lines, encoding="utf-8")
    if any(each.error for each in found):
        raise typer.Exit(1)
