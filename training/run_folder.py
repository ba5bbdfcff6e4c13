"""The run folder: the files of a training run."""

import json
import logging
import os
from datetime import datetime
from pathlib import Path

from labs_schema.errors import ModelError
from labs_schema.files.atomic import write_atomically
from prompts.base_models import is_gguf
from prompts.model_cache import model_folder
from training.config import RunConfig, dump_config, load_config
from training.dataset.manifest import DatasetManifest


class RunFolder:
    """The paths in a run's folder. Their names are stable."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.yaml"
        self.manifest = path / "manifest.json"
        self.metrics = path / "metrics.jsonl"
        self.times = path / "times.json"
        self.card = path / "README.md"
        self.curves = path / "training.png"
        self.tensorboard = path / "tensorboard"
        self.tokenizer = path / "tokenizer"
        self.checkpoints = path / "checkpoints"
        self.adapter = path / "adapter"
        self.model = path / "model"
        self.merged = path / "merged"
        self.head = path / "head"

        self.sft = path / "sft"
        self.dataset = path / "dataset.json"
        self.launch = path / "launch.json"

    def relative_source(self, source: str) -> str:
        """`source` for a manifest: a hub id unchanged, a model of the cache by its name, so that the run works on any
        machine that has it, and another folder as a path relative to this one."""
        if Path(source).absolute() == model_folder(Path(source).name):
            return Path(source).name
        return os.path.relpath(source, self.path) if Path(source).is_dir() else source

    def write_dataset(self, sha256: str, manifest: DatasetManifest) -> None:
        """Records the training file's hash and the dataset's manifest."""
        record = {"sha256": sha256, "manifest": manifest.model_dump(mode="json")}
        write_atomically(self.dataset, json.dumps(record, indent=2) + "\n")

    def read_dataset(self) -> str:
        """The training file's SHA-256. Raises ModelError if it was not recorded."""
        return self._recorded_dataset()[0]

    def read_dataset_manifest(self) -> DatasetManifest:
        """The dataset's manifest. Raises ModelError if it was not recorded."""
        return self._recorded_dataset()[1]

    def _recorded_dataset(self) -> tuple[str, DatasetManifest]:
        try:
            record = json.loads(self.dataset.read_text(encoding="utf-8"))
            return str(record["sha256"]), DatasetManifest.model_validate(record["manifest"])
        except (OSError, ValueError, KeyError, TypeError):
            raise ModelError(
                f"{self.dataset}: missing or unreadable, so the run's training data is unknown. Start a new run.",
                code="run-damaged",
            ) from None

    def write_world_size(self, processes: int) -> None:
        """Records the number of processes at the start of the run. Its optimiser steps keep their size on resume."""
        write_atomically(self.launch, json.dumps({"processes": processes}) + "\n")

    def read_world_size(self, default: int) -> int:
        """The number of processes at the start of the run; `default` if it was not recorded."""
        return int(json.loads(self.launch.read_text())["processes"]) if self.launch.exists() else default

    def read_times(self) -> dict[str, float]:
        """Seconds so far by part of the run (`data_loading`, `sft`, `dpo`)."""
        times: dict[str, float] = json.loads(self.times.read_text()) if self.times.exists() else {}
        return times

    def add_time(self, part: str, seconds: float) -> None:
        times = self.read_times()
        write_atomically(
            self.times, json.dumps({**times, part: round(times.get(part, 0.0) + seconds, 2)}, indent=2) + "\n"
        )


def new_run_folder(output_dir: Path, model: str, config: RunConfig, now: datetime) -> RunFolder:
    """Creates `<output_dir>/<model>-<UTC time>` with the run's config; a second run in the same second gets `-2`.

    The path of a base model becomes absolute, so that the run can be resumed from any folder.
    """
    if Path(config.model).is_dir() or is_gguf(config.model):
        config = config.model_copy(update={"model": str(Path(config.model).resolve())})
    stem = f"{model}-{now:%Y%m%d-%H%M%S}"
    for name in (stem, *(f"{stem}-{n}" for n in range(2, 100))):
        path = output_dir / name
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            continue
        run = RunFolder(path)
        write_atomically(run.config, dump_config(config))
        return run
    raise ModelError(f"{output_dir}: already contains 99 runs named {stem}.", code="too-many-runs")


def update_latest_link(run: Path) -> None:
    """Points the link `latest` in the run's parent folder to it. A real folder of that name is left, with a warning."""
    link = run.with_name("latest")
    if link.is_dir() and not link.is_symlink():
        logging.getLogger(__name__).warning(
            "%s is a folder, not a link, and was not updated; this run is %s", link, run
        )
        return
    draft = run.with_name(".latest.part")
    draft.unlink(missing_ok=True)
    draft.symlink_to(run.name)
    draft.replace(link)


def open_run_folder(path: Path) -> tuple[RunFolder, RunConfig]:
    """An existing run and its config. Raises ModelError if `path` is not a run folder."""
    run = RunFolder(path)
    if not run.config.is_file():
        raise ModelError(
            f"{path}: not a run folder (no config.yaml). Expected a folder of `grader train`.", code="not-a-run"
        )
    return run, load_config(run.config)
