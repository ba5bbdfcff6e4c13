"""What `grader calibrate` found out, as it lies beside the weights, and what of it holds for a lab. Knows no engine."""

from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from labs_schema.errors import ModelError
from labs_schema.frozen import Frozen
from labs_schema.hashes import rubric_hash
from labs_schema.models import Lab
from serving.injection import VERSION
from serving.scoring.triage import Rule, Thresholds

FILE = "calibration.json"


class GradedWith(Frozen):
    """What decides a confidence, and which answers are sent to a person for other reasons: a calibration holds for
    nothing else. The first three are SHA-256 in hexadecimal; `suspicion`: the version of what finds and masks text that
    talks to a grader."""

    weights: str
    tokenizer: str
    prompts: str
    orders: int
    verification_pass: bool
    suspicion: int = VERSION


class LabCalibration(Frozen):
    """`temperatures`: criterion title -> what its log-probabilities are divided by."""

    rubric_hash: str
    temperatures: dict[str, float]


class Guarantee(Frozen):
    """With `confidence`, accepted decisions disagree with the TA in at most the share `max_error`.

    Accepted were, of the students calibrated on, the share `accepted` of the decisions: all with a calibrated
    confidence of at least `threshold` and no other reason for a review. They disagreed in the share `disagreed`;
    `bound` is the upper bound on that of students to come.
    """

    max_error: float
    confidence: float
    threshold: float
    accepted: float
    disagreed: float
    bound: float


class Calibration(Frozen):
    """`guarantee` is None where the graded work supported none, and `refused` says why; nothing is accepted then, and
    the temperatures hold all the same. `submissions`: pseudonyms (`submission_key`) of the work it was made from, of
    `students` students with `decisions` rated criteria. `made`: date and time in UTC, ISO 8601."""

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

    def rules(self, lab: Lab, graded_with: GradedWith) -> tuple[Rule, ...]:
        """How each criterion of `lab` is judged by a grader with these settings."""
        if missing := self.differences(graded_with):
            return (Rule(thresholds=Thresholds(missing=missing)),) * len(lab.criteria)
        return tuple(self._rule(lab, criterion.title) for criterion in lab.criteria)

    def differences(self, graded_with: GradedWith) -> str:
        """What keeps this calibration from being used; empty where nothing does."""
        mine, theirs = self.graded_with.model_dump(), graded_with.model_dump()
        other = ", ".join(name.replace("_", " ") for name in mine if mine[name] != theirs[name])
        return other and f"the calibration was made with other {other}"

    def _rule(self, lab: Lab, criterion: str) -> Rule:
        known = self.labs.get(lab.name)
        if known is None:
            return Rule(temperature=self.temperature, thresholds=Thresholds(missing="not for this lab"))
        if known.rubric_hash != rubric_hash(lab):
            return Rule(thresholds=Thresholds(missing="the rubric is not the one calibrated for"))
        if criterion not in known.temperatures:
            return Rule(temperature=self.temperature, thresholds=Thresholds(missing="not for this criterion"))
        temperature = known.temperatures[criterion]
        if self.guarantee is None:
            return Rule(temperature=temperature, thresholds=Thresholds(missing="no promise could be made"))
        return Rule(
            temperature=temperature, thresholds=Thresholds(confidence=self.guarantee.threshold, calibrated=True)
        )


def read_calibration(folder: Path) -> Calibration | None:
    """That of the model in `folder`; None where it has none. Raises ModelError where it cannot be read."""
    path = folder / FILE
    try:
        return Calibration.model_validate_json(path.read_text(encoding="utf-8")) if path.is_file() else None
    except ValidationError as error:
        found = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
    except (OSError, UnicodeDecodeError) as error:
        found = str(error)
    raise ModelError(f"{path} is no calibration: {found}. Run `grader calibrate` again, or delete it.")


def write_calibration(calibration: Calibration, folder: Path) -> Path:
    """As `calibration.json`, whole or not at all. Returns its path."""
    partial = folder / f"{FILE}.partial"
    partial.write_text(calibration.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return partial.replace(folder / FILE)
