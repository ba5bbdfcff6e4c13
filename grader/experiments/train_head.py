"""Trains a head on a dataset's training submissions: `train_head`."""

import time
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from grader.experiments.held_out import DatasetLabs, read_dataset_labs, training_submissions
from grader.heads.base import open_base
from grader.heads.fitting import HeadSettings, HeldOut, RatedLab, fit_lab_heads, read_features
from grader.heads.run import write_head_run
from grader.progress_bars import step_bars
from labs_schema.errors import ModelError
from prompts.base_models import find_base
from serving.head.head import HeadInfo
from training.config import HeadStage, RunConfig, dump_config
from training.run.mixture import open_dataset
from training.run_folder import new_run_folder, update_latest_link, write_atomically


def train_head(config: RunConfig, console: Console | None = None) -> Path:
    """Returns the run folder. Raises InputError for changed labs, ModelError for an unusable base model."""
    stage, console = config.head or HeadStage(), console or Console(stderr=True)
    if not isinstance(config.dataset, str):
        raise ModelError("A head is trained on one dataset of grader build-dataset, not on a mixture.")
    started = time.monotonic()
    data, source = open_dataset(Path(config.dataset)), find_base(config.model)
    course = read_dataset_labs(data.manifest, Path(stage.labs))
    base = open_base(source, stage.layers)
    # The programs of held-out students and labs, but not their ratings, contribute to the mean program of a lab.
    everything = [(lab, lab.submissions) for lab, _ in course.labs]
    with step_bars() as show:
        features = read_features(everything, base, config.seed, show)
        settings = HeadSettings(strength=stage.strength, seed=config.seed)
        head, held_out = fit_lab_heads(
            _rated(course), features, base, settings, dataset_hash=data.sha256, progress=show
        )
    base.states.close()
    run = new_run_folder(Path(config.output_dir), f"{source.name}-head", config, datetime.now(UTC))
    run.write_dataset(data.sha256, data.manifest)
    run.add_time("head", time.monotonic() - started)
    write_head_run(
        run,
        head,
        base,
        data.manifest.style,
        context_length=config.context_length,
        on_overlong="middle" if config.on_overlong == "middle" else "error",
    )
    write_atomically(run.card, head_card(head.info, held_out, config))
    update_latest_link(run.path)
    console.print(f"{base.name}: {agreement_line(held_out)}. Run folder: {run.path}", highlight=False)
    return run.path


def agreement_line(held_out: list[HeldOut]) -> str:
    """The cross-validated agreement on the training ratings."""
    right = sum(max(zip(d.probabilities, d.ratings, strict=True))[1] == d.given for d in held_out)
    return f"{right / max(len(held_out), 1):.3f} agreement on {len(held_out)} training ratings, cross-validated"


def _rated(course: DatasetLabs) -> list[RatedLab]:
    found = []
    for lab, split in course.labs:
        students = {s.student for s in training_submissions(lab, split)}
        ratings = {student: given for student, given in lab.ratings_by_student.items() if student in students}
        found.append(RatedLab(lab, lab.submissions, ratings))
    return found


def head_card(info: HeadInfo, held_out: list[HeldOut], config: RunConfig) -> str:
    """The README of a run folder."""
    rated = ", ".join(f"{name} ({count})" for name, count in info.rated.items() if count) or "none"
    return f"""# A head on {info.base_model}

Rates a program on a rubric's criteria by a regression on n-grams of its code tokens and on the hidden states of layers
{", ".join(map(str, info.layers))} of {info.base_model}, which is not changed.

- **Ratings by lab**: {rated}.
- **Agreement**: {agreement_line(held_out)}. Use `grader evaluate` to measure it on held-out work.
- **Base model**: SHA-256 `{info.base_hash}`. **Dataset**: SHA-256 `{info.dataset_hash}`. Seed {info.seed}.

The probabilities are not calibrated: every answer needs human review until `grader calibrate` has run.

## Configuration
```yaml
{dump_config(config).strip()}
```
"""
