"""`grader generate`: free prompts through a model."""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from grader.cli.options import Engine, Model, Seed
from grader.progress_bars import step_bars
from grader.terminal import show


def generate(
    model: Model,
    prompt: Annotated[str | None, typer.Argument(metavar="PROMPT", help="The prompt, or use --prompts.")] = None,
    prompts: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="JSON Lines (.jsonl) with 'prompt' or 'messages' in every row; any other file is one prompt.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JSON Lines to write. Default: standard output.")
    ] = None,
    max_tokens: Annotated[int, typer.Option(min=1, help="Longest answer, in tokens.")] = 256,
    temperature: Annotated[
        float,
        typer.Option(
            min=0, max=10, help="0: always the most probable token; 1: sample from the model's own distribution."
        ),
    ] = 0,
    top_p: Annotated[
        float,
        typer.Option(min=0.01, max=1, help="Sample from the most probable tokens, up to this total probability."),
    ] = 1.0,
    seed: Seed = 0,
    engine: Engine = "auto",
) -> None:
    """Writes a model's answers to free prompts.

    The model's chat template is applied. A prompt on the command line prints its answer as text; a file gives a JSON
    line with number, text and finish (stop, length or error) for each prompt.

    Example: [bold]grader generate --model runs/latest "Write a C function that squares a number."[/]

    Many prompts: [bold]grader generate --model runs/latest --prompts prompts.jsonl --out answers.jsonl[/]

    Exit status: 0 if every prompt has an answer, 1 if one has none or for an error, 2 for wrong options.
    """
    from labs_schema.files.full_disk import reporting_full_disk
    from serving.engines.engine import Sampling
    from serving.model.generation import Generator, PromptRow, read_prompts

    if (prompt is None) == (prompts is None):
        raise typer.BadParameter("give a PROMPT or --prompts FILE")
    rows = [PromptRow(prompt=prompt)] if prompts is None else read_prompts(prompts)
    sampling = Sampling(max_tokens=max_tokens, temperature=temperature, top_p=top_p, seed=seed)
    with closing(Generator(model, engine)) as generator, step_bars() as progress:
        found = list(generator.answers(rows, sampling, lambda done, total: progress("Generating", done, total)))
    lines = [each.model_dump_json(exclude_none=True) for each in found]
    if out is not None:
        with reporting_full_disk(out, "run the same command again."):
            out.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    alone = prompts is None and out is None and found[0].text is not None
    show(found, *([found[0].text or ""] if alone else [] if out else lines))
    if any(each.error for each in found):
        raise typer.Exit(1)
