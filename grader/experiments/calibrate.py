"""Calibrates a run's model on a share of the students that its data set kept; the rest stays for the evaluation."""

from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from grader.experiments.held_out import Course, held_out, read_course
from grader.progress_bars import step_bars
from labs_schema.errors import GraderError
from labs_schema.frozen import Frozen
from labs_schema.hashes import rubric_hash, submission_key
from labs_schema.models import Lab, Submission
from serving.calibration.calibration import Calibration, LabCalibration, write_calibration
from serving.calibration.fitting import Fitted, fit
from serving.engines.engine_choice import EngineName
from serving.grading.grader import Grader
from serving.measures.decisions import Decision, decisions
from serving.measures.reliability import Reliability, reliability
from serving.model.loading import GraderOptions, load_grader
from serving.scoring.triage import Thresholds
from training.dataset.splits import training_students
from training.run_folder import open_run_folder

CHUNK = 16
"""Submissions to an engine call."""
OPEN = Thresholds(confidence=0.0, calibrated=True)
"""Leaves the reasons for a review that no calibration changes."""

Work = list[tuple[Lab, list[Submission]]]


class CalibrationRun(Frozen):
    """`before` and `after`: how well confidences hold on the students calibrated on, the latter by temperatures that
    were fitted without the student; None where nothing was graded. `written`: the files."""

    calibration: Calibration
    before: Reliability | None
    after: Reliability | None
    written: tuple[Path, ...]


def calibrate_run(
    run: Path,
    labs: Path,
    *,
    max_error: float,
    confidence: float,
    share: float,
    orders: int = 1,
    seed: int = 0,
    engine: EngineName = "auto",
) -> CalibrationRun:
    """Grades the kept work of a seeded `share` of the students, of the labs that were trained on, and writes what
    follows from it beside the run's manifest and beside that of its merged weights.

    Raises InputError where a lab has changed since, ModelError where the run cannot be served, GraderError where
    there is no student to calibrate on.
    """
    folder, _ = open_run_folder(run)
    work = calibration_work(read_course(folder.read_dataset_manifest(), labs), share, seed)
    grader = load_grader(run, GraderOptions(engine=engine, thresholds=OPEN, orders=orders))
    graded = graded_work(grader, work)
    fitted = fit(graded, max_error=max_error, confidence=confidence)
    calibration = _calibration(grader, work, fitted)
    grader.close()
    places = [place for place in (folder.path, folder.merged) if (place / folder.manifest.name).is_file()]
    return CalibrationRun(
        calibration=calibration,
        before=reliability(graded),
        after=reliability(fitted.decisions),
        written=tuple(write_calibration(calibration, place) for place in places),
    )


def calibration_work(course: Course, share: float, seed: int) -> Work:
    """The kept and rated work of `share` of the kept students, each with all their labs; never that of held-out labs,
    which are there to show what happens without. Raises GraderError where there is none."""
    seen = [(lab, held_out(lab, split)) for lab, split in course.kept if lab.name not in course.held_out]
    rated = [(lab, [s for s in kept if s.student in lab.ratings_given]) for lab, kept in seen]
    chosen = training_students((s.student for _, kept in rated for s in kept), share, seed)
    work = [(lab, [s for s in kept if s.student in chosen]) for lab, kept in rated]
    if not chosen:
        raise GraderError(
            "No student to calibrate on: the data set kept none of the labs trained on, or the share is too small. "
            "Build it with a smaller --train-split, or take a larger --share."
        )
    return [(lab, submissions) for lab, submissions in work if submissions]


def graded_work(grader: Grader, work: Work) -> list[Decision]:
    """The decisions on all of `work`, with a progress bar."""
    found: list[Decision] = []
    total, done = sum(len(submissions) for _, submissions in work), 0
    with step_bars() as show:
        for lab, submissions in work:
            for start in range(0, len(submissions), CHUNK):
                chunk = submissions[start : start + CHUNK]
                found += decisions(lab, grader.grade(lab, chunk))
                done += len(chunk)
                show("grading", done, total)
    return found


def _calibration(grader: Grader, work: Work, fitted: Fitted) -> Calibration:
    temperatures = fitted.temperatures
    return Calibration(
        grader_version=version("grader"),
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        graded_with=grader.graded_with,
        temperature=temperatures.overall,
        labs={
            lab.name: LabCalibration(rubric_hash=rubric_hash(lab), temperatures=temperatures.labs.get(lab.name, {}))
            for lab, _ in work
        },
        guarantee=fitted.guarantee,
        refused=fitted.refused,
        students=len({s.student for _, submissions in work for s in submissions}),
        decisions=len(fitted.decisions),
        submissions=tuple(submission_key(lab.name, s.student) for lab, submissions in work for s in submissions),
    )
