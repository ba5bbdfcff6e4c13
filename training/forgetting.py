"""Takes students out of a data set, and says which runs have learned from them. Knows no store.

A model cannot forget: a run that was trained on a student's work is told of, for a person to delete or train again.
"""

import json
from collections.abc import Collection
from pathlib import Path

from labs_schema.frozen import Frozen
from labs_schema.hashes import submission_key
from labs_schema.privacy.pseudonym_key import check_fingerprint
from training.dataset.attacked_copies import COPY
from training.dataset.files import publish, read_dataset_manifest
from training.dataset.rows import DatasetManifest, LabSplit
from training.dataset.spool import Spool
from training.run_folder import RunFolder

WITHOUT_KEYS = ("messages", "instruction")


class DataForgotten(Frozen):
    """`rows` that were taken out of a data set; `learned`: whether a run's model was trained on the students' work;
    `build_again`: whether the work is still in a data set, whose rows do not say whose they are."""

    rows: int = 0
    learned: bool = False
    build_again: bool = False


def forget_in_data(students: Collection[str], folder: Path) -> DataForgotten:
    """In a data set's folder the rows of `students`, and their pseudonyms in its manifest, are deleted; of a run's
    folder, and of a data set in a format that names no submissions, it is only told whether the work is in there.

    Raises InputError or ModelError where `folder` is neither, GraderError where its pseudonyms are another secret's.
    """
    if (run := RunFolder(folder)).dataset.is_file():
        manifest = run.read_dataset_manifest()
        check_fingerprint(manifest.secret, folder)
        return DataForgotten(
            learned=any(set(split.train) & _keys(students, lab) for lab, split in manifest.labs.items())
        )
    manifest = read_dataset_manifest(folder)
    check_fingerprint(manifest.secret, folder)
    without = {lab: _without(split, _keys(students, lab)) for lab, split in manifest.labs.items()}
    if without == manifest.labs:
        return DataForgotten()
    if manifest.format in WITHOUT_KEYS:
        return DataForgotten(build_again=True)
    gone = {key + suffix for lab in manifest.labs for key in _keys(students, lab) for suffix in ("", COPY)}
    return DataForgotten(rows=_rewrite(folder, manifest.model_copy(update={"labs": without}), gone))


def _rewrite(folder: Path, manifest: DatasetManifest, gone: set[str]) -> int:
    """All files, each whole, without the rows of the pseudonyms `gone`; how many rows that were."""
    staged = folder / ".forgetting"
    staged.mkdir(exist_ok=True)
    outputs = {}
    for name in manifest.outputs:
        with (folder / name).open("rb") as lines, Spool(staged / ".rows") as spool:
            kept = [spool.add([line]) for line in lines if json.loads(line)["submission"] not in gone]
            outputs[name] = spool.write(kept, staged / name)
    publish(staged, folder, manifest.model_copy(update={"outputs": outputs}))
    (staged / ".rows").unlink()
    staged.rmdir()
    return sum(before.rows - outputs[name].rows for name, before in manifest.outputs.items())


def _keys(students: Collection[str], lab: str) -> set[str]:
    return {submission_key(lab, student) for student in students}


def _without(split: LabSplit, gone: set[str]) -> LabSplit:
    return LabSplit(**{side: tuple(key for key in keys if key not in gone) for side, keys in split})
