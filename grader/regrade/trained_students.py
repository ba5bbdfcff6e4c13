"""Counts the students of a lab that a model was trained on, resolvable with the local pseudonym key."""

from pathlib import Path

from labs_schema.hashes import submission_key
from labs_schema.models import Lab
from labs_schema.privacy.pseudonym_key import is_current_key
from training.run_folder import RunFolder


def trained_on(model: str, lab: Lab) -> int | None:
    """The number of the lab's students in the training data of the run `model`.

    0 if `model` is not a run folder; None if its dataset was made with another pseudonym key.
    """
    if not (run := RunFolder(Path(model))).dataset.is_file():
        return 0
    manifest = run.read_dataset_manifest()
    if (split := manifest.labs.get(lab.name)) is None:
        return 0
    if not is_current_key(manifest.secret):
        return None
    return len({submission_key(lab.name, each.student) for each in lab.submissions} & set(split.train))
