"""Checks a course's model without loading its weights into memory: when it is registered and before it is loaded."""

from pathlib import Path

from labs_schema.errors import ModelError
from labs_schema.hashes import canonical_hash
from prompts.manifest import OtherTrainingError
from serving.courses.course_registry import ModelFacts, Registration, differences
from serving.courses.errors import CourseRefusedError
from serving.engines.adapters import adapter_rank
from serving.model.folder import FoundModel, find_model


def check_model(path: Path) -> ModelFacts:
    """The facts by which the model in the folder `path` is registered. Reads all of its weights.

    Raises ModelError if there is no manifest, if tokenizer or prompts differ from the manifest's, or if base, adapter
    or calibration cannot be read.
    """
    return facts_of(_find(path, adapters=True))


def find_registered(registration: Registration, *, adapters: bool) -> FoundModel:
    """The model of a course, verified against its registration. `adapters`: whether the engine supports adapters.

    Raises CourseRefusedError, which names the differences.
    """
    try:
        found = _find(Path(registration.model), adapters=adapters)
        changed = differences(registration.facts, facts_of(found))
    except ModelError as error:
        other = error.differing if isinstance(error, OtherTrainingError) else ()
        reason = f"it was trained with other {', '.join(other)}" if other else "it is missing, damaged or not merged"
        raise CourseRefusedError(registration.course, reason, f"{registration.model}: {error}") from error
    if changed:
        reason = f"changed since it was registered: {', '.join(changed)}"
        command = f"grader courses add {registration.course} --model {registration.model}"
        details = f"{reason}, in {registration.model}. Restore it, or register the changed model: {command}"
        raise CourseRefusedError(registration.course, reason, details)
    return found


def facts_of(found: FoundModel) -> ModelFacts:
    manifest, calibration = found.model.manifest, found.calibration
    return ModelFacts(
        **found.identity.model_dump(),
        licence=manifest.base_licence if manifest else None,
        calibration_hash=canonical_hash(calibration.model_dump(mode="json")) if calibration else None,
    )


def _find(path: Path, *, adapters: bool) -> FoundModel:
    if not path.is_dir():
        raise ModelError(
            f"{path}: no such folder. A course's model is a run folder or merged weights.", code="model-not-found"
        )
    found = find_model(path, adapters=adapters)
    if found.model.manifest is None:
        raise ModelError(
            f"{path} has no manifest.json, so the prompts it was trained with are unknown. A course's model is a run "
            "folder of grader train, or the output of grader merge.",
            code="not-a-run",
        )
    if found.model.adapter:
        adapter_rank(found.model.adapter)
    return found
