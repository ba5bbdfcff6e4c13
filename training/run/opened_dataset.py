"""The data set of a run, opened: its manifest, its training file and the hash of that. Knows no tokenizer."""

from pathlib import Path

from labs_schema.errors import ModelError
from labs_schema.frozen import Frozen
from training.dataset.files import file_hash, read_dataset_manifest
from training.dataset.rows import DatasetManifest


class TrainingData(Frozen):
    """`sha256` is the training file's, as found now and as its manifest says."""

    path: Path
    sha256: str
    manifest: DatasetManifest


def open_data(dataset: Path) -> TrainingData:
    """`dataset`: the training file, or the folder of `train.jsonl`. Raises InputError or ModelError."""
    path = dataset / "train.jsonl" if dataset.is_dir() else dataset
    manifest = read_dataset_manifest(path)
    if manifest.format != "dpo":
        raise ModelError(f"{path}: its format is {manifest.format}. Build it again with --format dpo to train on it.")
    return TrainingData(path=path, sha256=check_file(path, manifest), manifest=manifest)


def check_file(path: Path, manifest: DatasetManifest) -> str:
    """The SHA-256 of `path`. Raises ModelError where it is not the one in `manifest`."""
    written, found = manifest.outputs.get(path.name), file_hash(path) if path.is_file() else "no file"
    if written is None or written.sha256 != found:
        raise ModelError(f"{path}: not the file that its manifest names ({found}). Run grader build-dataset again.")
    return found
