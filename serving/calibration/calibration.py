"""The calibration file of a model: its contents, how it is read and written, and how it applies to a lab."""

from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from labs_schema.errors import ModelError, field_errors
from labs_schema.files.atomic import write_atomically
from labs_schema.frozen import Frozen
from labs_schema.hashes import rubric_hash
from labs_schema.models import Lab
from serving.injection import VERSION
from serving.scoring.triage import AcceptanceRule, Thresholds

FILE = "calibration.json"


class GradedWith(Frozen):
    """The settings that determine confidences and review reasons. A calibration is valid only for the same settings.

    `weights`, `tokenizer` and `prompts` are SHA-256 in hexadecimal. `injection_guards`: version of the detector and the
    sanitizer.
    """

    weights: str
    tokenizer: str
    prompts: str
    orders: int
    verification_pass: bool
    injection_guards: int = VERSION


class LabCalibration(Frozen):
    """`temperatures`: criterion title -> the divisor of its log-probabilities."""

    rubric_hash: str
    temperatures: dict[str, float]


class Guarantee(Frozen):
    """With confidence `confidence`, at most the share `max_error` of auto-accepted decisions disagrees with the TA.

    A decision is auto-accepted if its calibrated confidence is at least `threshold` and nothing else asks for review.
    On the calibration students that was the share `accepted` of the decisions, of which the share `disagreed` disagreed
    with the TA; `bound` is the upper confidence bound on that share for new students.
    """

    max_error: float
    confidence: float
    threshold: float
    accepted: float
    disagreed: float
    bound: float


class Calibration(Frozen):
    """The contents of `calibration.json`.

    `guarantee`: None if the graded work supports none, for the reason `refused`; then nothing is auto-accepted, but the
    temperatures still apply. `submissions`: pseudonyms (`submission_key`) of the submissions it was fitted on, by
    `students` students with `decisions` rated criteria. `made`: date and time in UTC, ISO 8601.
    """

    version: Literal[1] = 1
    grader_version: str
    made: str
    graded_with: GradedWith
    temperature: float
    labs: dict[str, LabCalibration]
    guarantee: Guarantee | None
    refused: str = ""
    students: int
    decisions: int
    submissions: tuple[str, ...]

    def rules(self, lab: Lab, graded_with: GradedWith) -> tuple[AcceptanceRule, ...]:
        """The temperature and thresholds of each criterion of `lab`, for a grader with the settings `graded_with`."""
        if missing := self.differences(graded_with):
            return (AcceptanceRule(thresholds=Thresholds(missing=missing)),) * len(lab.criteria)
        return tuple(self._rule(lab, criterion.title) for criterion in lab.criteria)

    def differences(self, graded_with: GradedWith) -> str:
        """Why this calibration does not apply to these settings; empty if it does."""
        mine, theirs = self.graded_with.model_dump(), graded_with.model_dump()
        other = ", ".join(name.replace("_", " ") for name in mine if mine[name] != theirs[name])
        return other and f"the calibration was fitted with a different {other}"

    def _rule(self, lab: Lab, criterion: str) -> AcceptanceRule:
        known = self.labs.get(lab.name)
        if known is None:
            return AcceptanceRule(temperature=self.temperature, thresholds=Thresholds(missing="not for this lab"))
        if known.rubric_hash != rubric_hash(lab):
            return AcceptanceRule(thresholds=Thresholds(missing="the rubric has changed since the calibration"))
        if criterion not in known.temperatures:
            return AcceptanceRule(temperature=self.temperature, thresholds=Thresholds(missing="not for this criterion"))
        temperature = known.temperatures[criterion]
        if self.guarantee is None:
            return AcceptanceRule(temperature=temperature, thresholds=Thresholds(missing="no guarantee could be given"))
        return AcceptanceRule(
            temperature=temperature, thresholds=Thresholds(confidence=self.guarantee.threshold, calibrated=True)
        )


def read_calibration(folder: Path) -> Calibration | None:
    """The calibration of the model in `folder`, or None. Raises ModelError if the file is invalid."""
    path = folder / FILE
    try:
        return Calibration.model_validate_json(path.read_text(encoding="utf-8")) if path.is_file() else None
    except ValidationError as error:
        found = "; ".join(field_errors(error))
    except (OSError, UnicodeDecodeError) as error:
        found = str(error)
    raise ModelError(
        f"{path} is not a valid calibration file: {found}. Run `grader calibrate` again, or delete it.",
        code="bad-calibration",
    )


def write_calibration(calibration: Calibration, folder: Path) -> Path:
    """Writes `calibration.json` atomically and returns its path."""
    write_atomically(folder / FILE, calibration.model_dump_json(indent=1) + "\n")
    return folder / FILE
