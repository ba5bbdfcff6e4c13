"""What a training run leaves on disk, and where. Knows no model."""

import json
import logging
import os
from datetime import datetime
from pathlib import Path

from labs_schema.errors import ModelError
from training.config import RunConfig, dump_config, load_config
from training.dataset.rows import DatasetManifest


class RunFolder:
    """A run's folder: one property a thing in it. Relative paths inside the folder are stable names."""

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

        self.sft = path / "sft"
        self.dataset = path / "dataset.json"
        self.launch = path / "launch.json"

    def portable(self, source: str) -> str:
        """`source` as a manifest names it: a hub id as it is, a folder relative to this one."""
        return os.path.relpath(source, self.path) if Path(source).is_dir() else source

    def write_dataset(self, sha256: str, manifest: DatasetManifest) -> None:
        """Keeps what the run was trained on: the training file's hash and the data set's manifest."""
        held = {"sha256": sha256, "manifest": manifest.model_dump(mode="json")}
        write_whole(self.dataset, json.dumps(held, indent=2) + "\n")

    def read_dataset(self) -> str:
        """The training file's SHA-256. Raises ModelError where the run was never begun properly."""
        return self._held_dataset()[0]

    def read_dataset_manifest(self) -> DatasetManifest:
        """Which work was trained on and which was kept. Raises ModelError as `read_dataset`."""
        return self._held_dataset()[1]

    def _held_dataset(self) -> tuple[str, DatasetManifest]:
        try:
            held = json.loads(self.dataset.read_text(encoding="utf-8"))
            return str(held["sha256"]), DatasetManifest.model_validate(held["manifest"])
        except (OSError, ValueError, KeyError, TypeError):
            raise ModelError(
                f"{self.dataset}: missing or unreadable, so nobody knows what the run was trained on. Train a new one."
            ) from None

    def write_launch(self, processes: int) -> None:
        """Keeps how many processes the run was begun with: its steps stay as large when others go on with it."""
        write_whole(self.launch, json.dumps({"processes": processes}) + "\n")

    def read_launch(self, now: int) -> int:
        """The number of processes that the run was begun with; `now` where nobody wrote it down."""
        return int(json.loads(self.launch.read_text())["processes"]) if self.launch.exists() else now

    def read_times(self) -> dict[str, float]:
        """Seconds spent so far, by part (`data_loading`, `sft`, `dpo`)."""
        times: dict[str, float] = json.loads(self.times.read_text()) if self.times.exists() else {}
        return times

    def add_time(self, part: str, seconds: float) -> None:
        times = self.read_times()
        write_whole(self.times, json.dumps({**times, part: round(times.get(part, 0.0) + seconds, 2)}, indent=2) + "\n")


def new_run_folder(output_dir: Path, model: str, config: RunConfig, now: datetime) -> RunFolder:
    """Makes `<output_dir>/<model>-<UTC time>` with the config as run in it; a second run of that second gets `-2`.

    A base model in a folder is named by its whole path, so that the run is understood from any folder.
    """
    if Path(config.model).is_dir():
        config = config.model_copy(update={"model": str(Path(config.model).resolve())})
    stem = f"{model}-{now:%Y%m%d-%H%M%S}"
    for name in (stem, *(f"{stem}-{n}" for n in range(2, 100))):
        path = output_dir / name
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            continue
        run = RunFolder(path)
        write_whole(run.config, dump_config(config))
        return run
    raise ModelError(f"{output_dir}: 99 runs named {stem} are already there.")


def point_latest(run: Path) -> None:
    """Lets `latest`, beside the run, lead to it: the newest finished run of its folder. A folder of that name, such as
    one that was copied from another machine, stays and is told: what was trained for hours does not end in an error."""
    link = run.with_name("latest")
    if link.is_dir() and not link.is_symlink():
        logging.getLogger(__name__).warning("%s is a folder of its own and stays so; this run is %s", link, run)
        return
    draft = run.with_name(".latest.part")
    draft.unlink(missing_ok=True)
    draft.symlink_to(run.name)
    draft.replace(link)


def open_run_folder(path: Path) -> tuple[RunFolder, RunConfig]:
    """A run that was begun, and its config. Raises ModelError where `path` is no run folder."""
    run = RunFolder(path)
    if not run.config.is_file():
        raise ModelError(f"{path}: not a run folder (no config.yaml). Expected a folder that `grader train` made.")
    return run, load_config(run.config)


def write_whole(path: Path, text: str) -> None:
    """Writes a file so that it is there whole or not at all."""
    draft = path.with_name(path.name + ".part")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
