"""Grades a lab's programs clean, clean once more, and with every attack, or harmless text, in them. Knows no
statistics."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path

from grader.experiments.attack_figure import draw_families
from grader.experiments.attack_report import AttackReport, attack_report
from grader.progress_bars import step_bars
from labs_schema.grades import Grade
from labs_schema.hashes import submission_key
from labs_schema.models import Lab, Submission
from labs_schema.privacy.pseudonym_key import check_fingerprint
from labs_schema.reading.validate import load_lab
from prompts.attacks.attack import Attack, target_rating
from prompts.attacks.controls import control_attacks
from prompts.attacks.evaluation import evaluation_attacks
from serving.engines.engine_choice import EngineName
from serving.grading.grader import Grader
from serving.measures.attempts import Attempt, attempts
from serving.model.loading import GraderOptions, load_grader
from serving.scoring.triage import Thresholds
from training.run_folder import RunFolder

CHUNK = 16
"""Submissions to an engine call."""


def attack_lab(
    folder: Path,
    model: str,
    out: Path,
    *,
    attacks: Sequence[str] = ("all",),
    submissions: int = 20,
    accept_from: float | None = None,
    engine: EngineName = "auto",
    resamples: int = 2000,
    seed: int = 0,
) -> AttackReport:
    """Attacks `submissions` programs of the lab in `folder` with `attacks` (families or names), and puts harmless text
    into the same places; writes attack.json and attack.png into `out`.

    `accept_from`: the confidence from which answers count as accepted. Without it the model's calibration says so, and
    where it has none for this lab everything counts as accepted that no guard stops: the worst case.
    Raises InputError for the lab, ModelError for the model, GraderError for attacks that are not there.
    """
    suite, lab = evaluation_attacks(attacks), load_lab(folder)
    chosen = unseen_submissions(lab, model, submissions, seed)
    grader = load_grader(model, GraderOptions(engine=engine))
    try:
        threshold = accepting(grader, lab, accept_from)
        twins = control_attacks(suite, target_rating(lab.criteria))
        everything = [*suite, *{twin.name: twin for twin in twins.values()}.values()]
        with step_bars() as show:
            repeated, attacked = all_attempts(
                grader, lab, chosen, everything, progress=lambda done, of: show("grading", done, of)
            )
    finally:
        grader.close()
    beside = {name: attacked[twin.name] for name, twin in twins.items()}
    report = attack_report(
        lab, suite, repeated, attacked, beside, accept_from=threshold, resamples=resamples, seed=seed
    )
    out.mkdir(parents=True, exist_ok=True)
    (out / "attack.json").write_text(report.model_dump_json(indent=1) + "\n", encoding="utf-8")
    draw_families(report, out / "attack.png")
    return report


def accepting(grader: Grader, lab: Lab, accept_from: float | None) -> float | None:
    """Has `grader` accept from that confidence on, and returns it; None where its calibration for `lab` decides."""
    if accept_from is None and all(rule.thresholds.calibrated for rule in grader.rules(lab)):
        return None
    grader.calibration = None
    grader.thresholds = Thresholds(confidence=accept_from or 0.0, calibrated=True)
    return accept_from or 0.0


def unseen_submissions(lab: Lab, model: str, count: int, seed: int) -> list[Submission]:
    """A seeded choice of those programs that are not empty and that the run `model` was not trained on. Raises
    GraderError where its pseudonyms were made by another secret than this user's."""
    trained: set[str] = set()
    if (run := RunFolder(Path(model))).dataset.is_file():
        manifest = run.read_dataset_manifest()
        check_fingerprint(manifest.secret, run.dataset)
        trained.update(manifest.labs[lab.name].train if lab.name in manifest.labs else ())
    fresh = [
        submission
        for submission in lab.submissions
        if submission_key(lab.name, submission.student) not in trained
        and any(file.text.strip() for file in submission.files)
    ]
    return sorted(random.Random(seed).sample(fresh, min(count, len(fresh))), key=lambda s: s.student)


def all_attempts(
    grader: Grader,
    lab: Lab,
    chosen: Sequence[Submission],
    suite: Sequence[Attack],
    *,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> tuple[list[Attempt], dict[str, list[Attempt]]]:
    """The attempts of the clean programs asked again, and those of each attack by its name."""
    total, done = len(chosen) * (2 + len(suite)), 0

    def graded(work: Sequence[Submission], chunk: int = CHUNK) -> list[Grade]:
        nonlocal done
        grades: list[Grade] = []
        for start in range(0, len(work), chunk):
            grades += grader.grade(lab, work[start : start + chunk])
            done += len(work[start : start + chunk])
            progress(done, total)
        return grades

    plea = target_rating(lab.criteria)
    clean = graded(chosen)
    again = graded(chosen[::-1], CHUNK // 2 + 1)[::-1]
    attacked = {a.name: attempts(lab, clean, graded([a(s, lab.language, plea) for s in chosen])) for a in suite}
    return attempts(lab, clean, again), attacked
