"""The manifest of a dataset: what was read, chosen and written. Reading, publishing and verifying datasets."""

import hashlib
import os
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from labs_schema.errors import InputError, Issue, error_issue, raise_errors
from labs_schema.files.atomic import sync, write_atomically
from labs_schema.frozen import Frozen
from labs_schema.hashes import file_hash
from labs_schema.reading.validate import lab_folders
from labs_schema.submissions.file_names import safe_name
from prompts.style import PromptStyle

MANIFEST = "manifest.json"
DEV_FILE = "dev.jsonl"
"""The validation file, in the folder of the training file."""
SOFT_FILE = "soft.jsonl"
"""The file of soft labels, in the folder of the training file."""


class LabSplit(Frozen):
    """Pseudonyms of a lab's rated submissions: for training, for validation while training (`dev`), held out for
    testing, and set aside as near-copies. `soft`: of unrated ones with a teacher's soft labels."""

    train: tuple[str, ...] = ()
    dev: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    set_aside: tuple[str, ...] = ()
    soft: tuple[str, ...] = ()

    @property
    def learned(self) -> tuple[str, ...]:
        """The submissions that a model learns from."""
        return self.train + self.soft


class Teacher(Frozen):
    """The model whose probabilities are a lab's soft labels. `grades`: SHA-256 of the file with them."""

    base_model: str
    model_hash: str
    grades: str


class OutputFile(Frozen):
    """A file that `build-dataset` wrote."""

    sha256: str
    bytes: int
    rows: int


class Augmentation(Frozen):
    """`share` (0 to 1): the probability of an attacked copy for each training submission. `copies`: lab -> how many
    submissions have one, under their pseudonym with the suffix `+attack`."""

    share: float
    copies: dict[str, int]


class DatasetManifest(Frozen):
    """Record of what `build-dataset` read, chose and wrote. All rated work of the `eval_labs` is in `test`.

    `inputs`: lab -> hash of its folder. `outputs`: file name -> file. `secret`: the mark of the key behind the
    pseudonyms. `attacks` is None, and not written, without attacked copies. `groups`: lab -> pseudonym of a submission
    of several students -> the pseudonyms of all of them; not written without group work. `teachers`: lab -> the source
    of its soft labels; not written without any.
    """

    grader_version: str
    format: Literal["dpo", "sft", "messages", "instruction"]
    seed: int
    train_split: float
    dev_split: float = 0.0
    style: PromptStyle
    reasoning: bool
    option_order: Literal["given", "shuffled"]
    unobserved_share: float = 0.0
    eval_labs: tuple[str, ...]
    labs: dict[str, LabSplit]
    inputs: dict[str, str]
    outputs: dict[str, OutputFile]
    secret: str = ""
    attacks: Augmentation | None = None
    groups: dict[str, dict[str, tuple[str, ...]]] = Field(default_factory=dict)
    teachers: dict[str, Teacher] = Field(default_factory=dict)

    def to_json(self) -> str:
        """The text of `manifest.json`."""
        unused = {name for name in ("attacks", "groups", "teachers") if not getattr(self, name)}
        return self.model_dump_json(indent=1, exclude=unused) + "\n"


def read_dataset_manifest(path: Path) -> DatasetManifest:
    """`path`: the manifest, its folder, or a data file in the same folder. Raises InputError."""
    path = path / MANIFEST if path.is_dir() else path.with_name(MANIFEST)
    if not path.is_file():
        raise InputError([error_issue("missing-manifest", path)])
    try:
        return DatasetManifest.model_validate_json(path.read_bytes())
    except ValidationError as invalid:
        found = f"{invalid.error_count()} invalid fields"
        raise InputError([error_issue("bad-manifest", path, found=found)]) from None


def publish(staged: Path, folder: Path, manifest: DatasetManifest) -> None:
    """Moves the files named in the manifest from `staged` to `folder`, and the manifest last: a crash in between
    leaves a folder without a manifest, which is not a dataset."""
    write_atomically(staged / MANIFEST, manifest.to_json())
    (folder / MANIFEST).unlink(missing_ok=True)
    for name in (*manifest.outputs, MANIFEST):
        (staged / name).replace(folder / name)
    sync(folder)


def folder_hash(folder: Path) -> str:
    """SHA-256 over the sorted relative paths and content hashes of all files in a folder. A link counts by its target's
    path and is not followed."""
    digest = hashlib.sha256()
    for path in sorted(Path(root) / name for root, _, names in os.walk(folder) for name in names):
        if path.is_symlink():
            content = hashlib.sha256(os.fsencode(path.readlink())).hexdigest()
        elif path.is_file():
            content = file_hash(path)
        else:
            continue
        digest.update(os.fsencode(path.relative_to(folder).as_posix()) + b"\0" + content.encode())
    return digest.hexdigest()


def verify_dataset(manifest_path: Path, parent: Path | None = None) -> DatasetManifest:
    """Hashes the files again, and the labs in `parent` if given. Raises InputError with everything that changed."""
    manifest = read_dataset_manifest(manifest_path)
    folder = manifest_path if manifest_path.is_dir() else manifest_path.parent
    issues = [issue for name, output in manifest.outputs.items() for issue in _changed_file(folder / name, output)]
    if parent is not None:
        issues += changed_labs(manifest, parent)
    raise_errors(issues)
    return manifest


def changed_labs(manifest: DatasetManifest, parent: Path) -> list[Issue]:
    """An issue for every lab of the dataset that is missing in `parent` or differs from when it was read."""
    labs = {safe_name(lab.name): lab for lab in lab_folders(parent.resolve())}
    inputs = manifest.inputs.items()
    return [issue for name, sha256 in inputs for issue in _changed_lab(parent / name, labs.get(name), sha256)]


def _changed_file(path: Path, output: OutputFile) -> list[Issue]:
    if not path.is_file():
        return [error_issue("missing-output", path, expected=f"{output.bytes} bytes")]
    if (found := file_hash(path)) == output.sha256:
        return []
    size = path.stat().st_size
    expected = f"{output.bytes} bytes with SHA-256 {output.sha256}"
    return [error_issue("changed-output", path, found=f"{size} bytes with SHA-256 {found}", expected=expected)]


def _changed_lab(path: Path, lab: Path | None, sha256: str) -> list[Issue]:
    found = folder_hash(lab) if lab is not None else None
    if found == sha256:
        return []
    described = f"SHA-256 {found}" if found else "no lab"
    return [error_issue("changed-lab", path, found=described, expected=f"SHA-256 {sha256}")]
