"""Whether a model may be a course's: read and checked without loading its weights. Knows no database and no engine."""

from pathlib import Path

from labs_schema.errors import ModelError
from labs_schema.hashes import canonical_hash
from prompts.manifest import OtherTrainingError
from serving.courses.errors import CourseRefusedError
from serving.courses.registration import ModelFacts, Registration, differences
from serving.engines.adapters import adapter_rank
from serving.model.folder import FoundModel, find_model


def check_model(path: Path) -> ModelFacts:
    """What the model in the folder `path` is known by from now on. Reads all of its weights.

    Raises ModelError where there is no manifest, where tokenizer or prompts are not those of the manifest, where base,
    adapter or calibration cannot be read.
    """
    return facts_of(_found(path, adapters=True))


def find_registered(registration: Registration, *, adapters: bool) -> FoundModel:
    """The model of a course, as it was registered. `adapters`: whether the engine can put one on its base.

    Raises CourseRefusedError that names what differs.
    """
    try:
        found = _found(Path(registration.model), adapters=adapters)
        changed = differences(registration.facts, facts_of(found))
    except ModelError as error:
        other = error.differing if isinstance(error, OtherTrainingError) else ()
        reason = f"it was trained with other {', '.join(other)}" if other else "it is missing, damaged or not merged"
        raise CourseRefusedError(registration.course, reason, f"{registration.model}: {error}") from error
    if changed:
        reason = f"since it was registered, this has changed: {', '.join(changed)}"
        again = f"grader courses add {registration.course} --model {registration.model}"
        told = f"{reason}, in {registration.model}. Put it back, or register it as it is now: {again}"
        raise CourseRefusedError(registration.course, reason, told)
    return found


def facts_of(found: FoundModel) -> ModelFacts:
    manifest, calibration = found.model.manifest, found.calibration
    return ModelFacts(
        **found.identity.model_dump(),
        licence=manifest.base_licence if manifest else None,
        calibration_hash=canonical_hash(calibration.model_dump(mode="json")) if calibration else None,
    )


def _found(path: Path, *, adapters: bool) -> FoundModel:
    if not path.is_dir():
        raise ModelError(f"{path}: no such folder. A course's model is a run folder or merged weights.")
    found = find_model(path, adapters=adapters)
    if found.model.manifest is None:
        raise ModelError(
            f"{path} has no manifest.json, so nobody knows with what prompts it was trained. A course's model is a run "
            "folder of grader train, or the weights that grader merge wrote."
        )
    if found.model.adapter:
        adapter_rank(found.model.adapter)
    return found
