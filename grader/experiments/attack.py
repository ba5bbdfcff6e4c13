"""Grades a lab's programs clean, clean again, and with every attack or control text injected."""

import random
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from grader.experiments.attack_report import AttackReport, attack_report, draw_families
from grader.progress_bars import step_bars
from labs_schema.frozen import Frozen
from labs_schema.grades import Grade
from labs_schema.hashes import submission_key
from labs_schema.models import Lab, Submission
from labs_schema.privacy.pseudonym_key import check_fingerprint
from labs_schema.reading.validate import load_lab
from prompts.attacks.attack import Attack, target_rating
from prompts.attacks.evaluation import control_attacks, evaluation_attacks
from serving.engines.engine_choice import EngineName
from serving.grading.grader import Grader
from serving.measures.attack_effects import Attempt, attempts
from serving.model.loading import GraderOptions, load_grader
from serving.scoring.triage import Thresholds
from training.run_folder import RunFolder

CHUNK = 16
"""Submissions per engine call."""


class AttackOptions(Frozen):
    """`attacks`: families or single attacks; `submissions`: the number of programs, chosen by `seed`.

    `accept_from`: the confidence from which answers count as accepted. By default the model's calibration decides; if
    it has none for the lab, everything that no guard stops counts as accepted: the worst case.
    """

    attacks: tuple[str, ...] = ("all",)
    submissions: int = 20
    accept_from: float | None = None
    engine: EngineName = "auto"
    resamples: int = 2000
    seed: int = 0


def attack_lab(folder: Path, model: str, out: Path, options: AttackOptions) -> AttackReport:
    """Attacks programs of the lab in `folder` and writes attack.json and attack.png into `out`.

    Raises InputError for the lab, ModelError for the model, GraderError for unknown attacks.
    """
    suite, lab = evaluation_attacks(options.attacks), load_lab(folder)
    chosen = unseen_submissions(lab, model, options.submissions, options.seed)
    with closing(load_grader(model, GraderOptions(engine=options.engine))) as grader:
        threshold = accepting(grader, lab, options.accept_from)
        controls = control_attacks(suite, target_rating(lab.criteria))
        everything = [*suite, *{control.name: control for control in controls.values()}.values()]
        with step_bars() as show:
            repeated, attacked = all_attempts(
                grader, lab, chosen, everything, progress=lambda done, of: show("grading", done, of)
            )
    report = attack_report(
        lab,
        suite,
        repeated,
        attacked,
        {name: attacked[control.name] for name, control in controls.items()},
        accept_from=threshold,
        resamples=options.resamples,
        seed=options.seed,
    )
    out.mkdir(parents=True, exist_ok=True)
    (out / "attack.json").write_text(report.model_dump_json(indent=1) + "\n", encoding="utf-8")
    draw_families(report, out / "attack.png")
    return report


def accepting(grader: Grader, lab: Lab, accept_from: float | None) -> float | None:
    """Makes `grader` accept from that confidence and returns it; None if its calibration for `lab` decides."""
    if accept_from is None and all(rule.thresholds.calibrated for rule in grader.rules(lab)):
        return None
    grader.calibration = None
    grader.thresholds = Thresholds(confidence=accept_from or 0.0, calibrated=True)
    return accept_from or 0.0


def unseen_submissions(lab: Lab, model: str, count: int, seed: int) -> list[Submission]:
    """A seeded choice of non-empty programs that the run `model` was not trained on.

    Raises GraderError if the run's pseudonyms were made with another key than this user's.
    """
    trained: set[str] = set()
    if (run := RunFolder(Path(model))).dataset.is_file():
        manifest = run.read_dataset_manifest()
        check_fingerprint(manifest.secret, run.dataset)
        trained.update(manifest.labs[lab.name].learned if lab.name in manifest.labs else ())
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
    """The attempts of the clean programs graded again, and those of each attack by its name."""
    total, done = len(chosen) * (2 + len(suite)), 0

    def grades(work: Sequence[Submission], chunk: int = CHUNK) -> list[Grade]:
        nonlocal done
        found: list[Grade] = []
        for start in range(0, len(work), chunk):
            found += grader.grade(lab, work[start : start + chunk])
            done += len(work[start : start + chunk])
            progress(done, total)
        return found

    target = target_rating(lab.criteria)
    clean = grades(chosen)
    # Another order and batch size: their numerical noise is what attacks are compared with.
    again = grades(chosen[::-1], CHUNK // 2 + 1)[::-1]
    attacked = {a.name: attempts(lab, clean, grades([a(s, lab.language, target) for s in chosen])) for a in suite}
    return attempts(lab, clean, again), attacked
