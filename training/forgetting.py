"""Removes students from datasets, and finds runs that were trained on their work.

A model cannot forget, so such a run is only reported: its owner has to delete or retrain it.
"""

import json
from collections.abc import Collection
from pathlib import Path

from labs_schema.frozen import Frozen
from labs_schema.hashes import submission_key
from labs_schema.privacy.pseudonym_key import check_fingerprint
from training.dataset.attacked_copies import COPY_SUFFIX
from training.dataset.manifest import DatasetManifest, LabSplit, publish, read_dataset_manifest
from training.dataset.spool import Spool
from training.run_folder import RunFolder

WITHOUT_PSEUDONYMS = ("messages", "instruction")


class ForgottenData(Frozen):
    """`rows`: removed from a dataset. `learned`: whether a run's model was trained on the students' work. `rebuild`:
    whether the work is still in a dataset whose rows have no pseudonyms."""

    rows: int = 0
    learned: bool = False
    rebuild: bool = False


def forget_in_data(students: Collection[str], folder: Path) -> ForgottenData:
    """Deletes the rows of `students`, and their pseudonyms in the manifest, from a dataset's folder. For a run folder,
    and a dataset in a format without pseudonyms, only reports whether it contains their work.

    Raises InputError or ModelError if `folder` is neither, GraderError if its pseudonyms were made with another key.
    """
    if (run := RunFolder(folder)).dataset.is_file():
        manifest = run.read_dataset_manifest()
        check_fingerprint(manifest.secret, folder)
        return ForgottenData(
            learned=any(set(split.learned) & _keys(students, lab, manifest) for lab, split in manifest.labs.items())
        )
    manifest = read_dataset_manifest(folder)
    check_fingerprint(manifest.secret, folder)
    keys = {lab: _keys(students, lab, manifest) for lab in manifest.labs}
    without = {lab: _without(split, keys[lab]) for lab, split in manifest.labs.items()}
    if without == manifest.labs:
        return ForgottenData()
    if manifest.format in WITHOUT_PSEUDONYMS:
        return ForgottenData(rebuild=True)
    removed = {key + suffix for lab in manifest.labs for key in keys[lab] for suffix in ("", COPY_SUFFIX)}
    groups = {
        lab: {key: of for key, of in known.items() if key not in keys[lab]} for lab, known in manifest.groups.items()
    }
    rest = manifest.model_copy(update={"labs": without, "groups": {lab: of for lab, of in groups.items() if of}})
    return ForgottenData(rows=_rewrite(folder, rest, removed))


def _rewrite(folder: Path, manifest: DatasetManifest, removed: set[str]) -> int:
    """Rewrites all files without the rows of the pseudonyms `removed`. Returns the number of removed rows."""
    staged = folder / ".forgetting"
    staged.mkdir(exist_ok=True)
    outputs = {}
    for name in manifest.outputs:
        with (folder / name).open("rb") as lines, Spool(staged / ".rows") as spool:
            remaining = [spool.add([line]) for line in lines if json.loads(line)["submission"] not in removed]
            outputs[name] = spool.write(remaining, staged / name)
    publish(staged, folder, manifest.model_copy(update={"outputs": outputs}))
    (staged / ".rows").unlink()
    staged.rmdir()
    return sum(before.rows - outputs[name].rows for name, before in manifest.outputs.items())


def _keys(students: Collection[str], lab: str, manifest: DatasetManifest) -> set[str]:
    """The pseudonyms of the students' submissions to a lab, also of those they share with a group."""
    own = {submission_key(lab, student) for student in students}
    return own | {key for key, members in manifest.groups.get(lab, {}).items() if not own.isdisjoint(members)}


def _without(split: LabSplit, removed: set[str]) -> LabSplit:
    return LabSplit(**{side: tuple(key for key in keys if key not in removed) for side, keys in split})
