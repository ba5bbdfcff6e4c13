"""Calibrates a run's model on a share of its held-out students; the rest is left for the evaluation."""

from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from grader.experiments.held_out import DatasetLabs, held_out_submissions, read_dataset_labs
from grader.experiments.predictions import grade_all
from labs_schema.errors import GraderError
from labs_schema.frozen import Frozen
from labs_schema.hashes import rubric_hash, submission_key
from labs_schema.models import Lab, Submission
from serving.calibration.calibration import Calibration, LabCalibration, write_calibration
from serving.calibration.fitting import Fitted, fit
from serving.engines.engine_choice import EngineName
from serving.grading.grader import Grader
from serving.measures.decisions import decisions_from_grades
from serving.measures.reliability import Reliability, reliability
from serving.model.loading import GraderOptions, load_grader
from serving.scoring.triage import Thresholds
from training.dataset.splits import training_students
from training.run_folder import open_run_folder

ACCEPT_ALL = Thresholds(confidence=0.0, calibrated=True)
"""With these thresholds only review reasons that do not depend on the calibration remain."""

LabSubmissions = list[tuple[Lab, list[Submission]]]


@dataclass(frozen=True)
class CalibrateOptions:
    """Auto-accepted decisions may disagree with the TA in at most `max_error`, with confidence `confidence`. `share`:
    part of the held-out students to calibrate on, chosen by `seed`. `orders`: option orders to average over."""

    max_error: float
    confidence: float
    share: float
    orders: int = 1
    seed: int = 0
    engine: EngineName = "auto"


class CalibrationRun(Frozen):
    """`before` and `after`: calibration of the confidences on the calibration students, the latter with temperatures
    fitted without the student; None if nothing was graded. `written`: the files written."""

    calibration: Calibration
    before: Reliability | None
    after: Reliability | None
    written: tuple[Path, ...]


def calibrate_run(run: Path, labs: Path, options: CalibrateOptions) -> CalibrationRun:
    """Grades the held-out submissions of a random share of the students, fits a calibration and writes it next to the
    manifests of the run and of its merged weights.

    Raises InputError if a lab has changed, ModelError if the model cannot be loaded, GraderError if there is no
    student to calibrate on.
    """
    folder, _ = open_run_folder(run)
    course = read_dataset_labs(folder.read_dataset_manifest(), labs)
    submissions = calibration_submissions(course, options.share, options.seed)
    grader = load_grader(run, GraderOptions(engine=options.engine, thresholds=ACCEPT_ALL, orders=options.orders))
    graded = grade_all(grader, submissions, "grading")
    decisions = [decision for lab, grades in graded for decision in decisions_from_grades(lab, grades)]
    decisions = [each for each in decisions if not each.decided]  # no model to calibrate
    fitted = fit(decisions, max_error=options.max_error, confidence=options.confidence)
    calibration = _calibration(grader, submissions, fitted)
    grader.close()
    targets = [target for target in (folder.path, folder.merged) if (target / folder.manifest.name).is_file()]
    return CalibrationRun(
        calibration=calibration,
        before=reliability(decisions),
        after=reliability(fitted.decisions),
        written=tuple(write_calibration(calibration, target) for target in targets),
    )


def calibration_submissions(course: DatasetLabs, share: float, seed: int) -> LabSubmissions:
    """The rated held-out submissions of `share` of the held-out students, in all labs but those held out entirely.

    Held-out labs are left out because they measure how the model does without a calibration. Raises GraderError if
    there is no student.
    """
    seen = [(lab, held_out_submissions(lab, split)) for lab, split in course.tested if lab.name not in course.held_out]
    rated = [(lab, [s for s in members if s.student in lab.ratings_by_student]) for lab, members in seen]
    chosen = training_students(
        (s.student for _, members in rated for s in members),
        share,
        seed,
        [s.members for _, members in rated for s in members if s.members],
    )
    submissions = [(lab, [s for s in members if s.student in chosen]) for lab, members in rated]
    if not chosen:
        raise GraderError(
            "No student to calibrate on: the dataset held out no student of the labs trained on, or the share is too "
            "small. Build it with a smaller --train-split, or use a larger --share.",
            code="no-calibration-students",
        )
    return [(lab, members) for lab, members in submissions if members]


def _calibration(grader: Grader, submissions: LabSubmissions, fitted: Fitted) -> Calibration:
    temperatures = fitted.temperatures
    return Calibration(
        grader_version=version("grader"),
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        graded_with=grader.graded_with,
        temperature=temperatures.overall,
        labs={
            lab.name: LabCalibration(rubric_hash=rubric_hash(lab), temperatures=temperatures.labs.get(lab.name, {}))
            for lab, _ in submissions
        },
        guarantee=fitted.guarantee,
        refused=fitted.refused,
        students=len({student for _, members in submissions for s in members for student in s.students}),
        decisions=len(fitted.decisions),
        submissions=tuple(submission_key(lab.name, s.student) for lab, members in submissions for s in members),
    )
