"""How many students of a lab a model has learned from, as far as this user's secret can tell. Knows no grades."""

from pathlib import Path

from labs_schema.hashes import submission_key
from labs_schema.models import Lab
from labs_schema.privacy.pseudonym_key import is_current_key
from training.run_folder import RunFolder


def trained_on(model: str, lab: Lab) -> int | None:
    """How many of the lab's students the run `model` was trained on; 0 where `model` is no run folder, None where that
    cannot be told, as the secret of its data set's pseudonyms is elsewhere."""
    if not (run := RunFolder(Path(model))).dataset.is_file():
        return 0
    manifest = run.read_dataset_manifest()
    if (split := manifest.labs.get(lab.name)) is None:
        return 0
    if not is_current_key(manifest.secret):
        return None
    return len({submission_key(lab.name, each.student) for each in lab.submissions} & set(split.train))
