"""Trains a head on a dataset's training submissions: `train_head`."""

import time
from datetime import UTC, datetime
from pathlib import Path

from grader.experiments.held_out import DatasetLabs, read_dataset_labs, training_submissions
from grader.heads.base import open_base
from grader.heads.fitting import HeadSettings, HeldOut, RatedLab, SoftRatings, fit_lab_heads, read_features
from grader.heads.run import write_head_run
from grader.progress_bars import step_bars
from grader.terminal import notes
from labs_schema.errors import ModelError
from labs_schema.files.atomic import write_atomically
from labs_schema.hashes import canonical_hash, submission_key
from labs_schema.models import Lab
from prompts.base_models import find_base
from serving.head.head import HeadInfo
from training.config import HeadStage, RunConfig, dump_config
from training.dataset.manifest import SOFT_FILE
from training.dataset.soft_labels import SoftRow, read_soft
from training.run.mixture import OpenedDataset, check_file, open_dataset
from training.run_folder import new_run_folder, update_latest_link


def train_head(config: RunConfig) -> Path:
    """Returns the run folder. Raises InputError for changed labs, ModelError for an unusable base model."""
    stage = config.head or HeadStage()
    if not isinstance(config.dataset, str):
        raise ModelError(
            "A head is trained on one dataset of grader build-dataset, not on a mixture.", code="run-config"
        )
    started = time.monotonic()
    data, source = open_dataset(Path(config.dataset)), find_base(config.model)
    soft, dataset_hash = _soft_rows(data)
    course = read_dataset_labs(data.manifest, Path(stage.labs))
    base = open_base(source, stage.layers)
    # The programs of held-out students and labs, but not their ratings, contribute to the mean program of a lab.
    everything = [(lab, lab.submissions) for lab, _ in course.labs]
    with step_bars() as show:
        features = read_features(everything, base, config.seed, show)
        settings = HeadSettings(strength=stage.strength, seed=config.seed)
        head, held_out = fit_lab_heads(
            _rated(course, soft), features, base, settings, dataset_hash=dataset_hash, progress=show
        )
    base.states.close()
    run = new_run_folder(Path(config.output_dir), f"{source.name}-head", config, datetime.now(UTC))
    run.write_dataset(dataset_hash, data.manifest)
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
    notes().print(f"{base.name}: {agreement_line(held_out)}. Run folder: {run.path}")
    return run.path


def agreement_line(held_out: list[HeldOut]) -> str:
    """The cross-validated agreement on the training ratings."""
    right = sum(max(zip(d.probabilities, d.ratings, strict=True))[1] == d.given for d in held_out)
    return f"{right / max(len(held_out), 1):.3f} agreement on {len(held_out)} training ratings, cross-validated"


def _soft_rows(data: OpenedDataset) -> tuple[list[SoftRow], str]:
    """The soft labels of a dataset, and the hash of all that a head learns from. Raises InputError, ModelError."""
    if SOFT_FILE not in data.manifest.outputs:
        return [], data.sha256
    path = data.path.with_name(SOFT_FILE)
    return [*read_soft(path)], canonical_hash([data.sha256, check_file(path, data.manifest)])


def _rated(course: DatasetLabs, soft: list[SoftRow]) -> list[RatedLab]:
    found = []
    for lab, split in course.labs:
        students = {s.student for s in training_submissions(lab, split)}
        ratings = {student: given for student, given in lab.ratings_by_student.items() if student in students}
        found.append(RatedLab(lab, lab.submissions, ratings, _soft_ratings(lab, soft)))
    return found


def _soft_ratings(lab: Lab, rows: list[SoftRow]) -> SoftRatings:
    students = {submission_key(lab.name, s.student): s.student for s in lab.submissions}
    found: dict[str, dict[str, dict[str, float]]] = {}
    for row in rows:
        if row.lab == lab.name and row.submission in students:
            found.setdefault(students[row.submission], {})[row.criterion] = row.by_rating
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
