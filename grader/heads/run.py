"""Writes a head into a run folder, which every command accepts as a model."""

from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from grader.heads.base import HeadBase
from prompts.encode import OnOverlong
from prompts.manifest import ModelManifest, prompt_hash, tokenizer_hash, write_manifest
from prompts.style import PromptStyle
from serving.head.head import Head, write_head
from training.models.loading import context_length_of
from training.run_folder import RunFolder


def write_head_run(
    run: RunFolder,
    head: Head,
    base: HeadBase,
    style: PromptStyle,
    *,
    context_length: int | None = None,
    on_overlong: OnOverlong = "middle",
) -> None:
    """Writes tokenizer, head and manifest. `context_length` (tokens) limits the base model's own; longer programs are
    handled by `on_overlong`."""
    base.tokenizer.save_pretrained(run.tokenizer)
    write_head(head, run.head)
    manifest = ModelManifest(
        grader_version=version("grader"),
        base_model=run.relative_source(base.weights),
        trained_from=base.name,
        base_licence=base.licence,
        head=run.head.name,
        tokenizer_hash=tokenizer_hash(base.tokenizer),
        prompt_hash=prompt_hash(style, base.tokenizer),
        style=style,
        context_length=context_length_of(base.weights, context_length),
        on_overlong=on_overlong,
        option_order="given",
        dataset_hash=head.info.dataset_hash,
        stages=("head",),
    )
    write_manifest(manifest, run.path)


def save_run(head: Head, base: HeadBase, out: Path) -> Path:
    """A run folder that `grader regrade`, `serve` and `grade` accept as --model. It has no calibration."""
    run = RunFolder(out / f"{head.info.dataset_hash[:12]}-{datetime.now(UTC):%Y%m%d-%H%M%S}")
    run.path.mkdir(parents=True)
    write_head_run(run, head, base, PromptStyle())
    return run.path
