"""Adaptive attacks on heads: a search over injections that reads the grader's own probabilities.

Run: python -m benchmarks.trust.adaptive_attacks FOLDER_OF_LABS docs/measurements [--attempts 15]

Writes the section "Adaptive attacks" of prompt-injection.md in the second folder. Heads are trained on 70 % of the
students; the weakest programs of the others are attacked. As a control, the same search attacks a head that reads
programs as they are written. If labs have observations.jsonl, heads with evidence are attacked, too.

Time: 10 minutes. Figures: docs/measurements/prompt-injection.md.
"""

import argparse
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

from benchmarks.heads.course import MODEL, SHARE, rated_by, without_observations
from benchmarks.trust.adaptive_attacks.injections import INJECTIONS, TEXT
from benchmarks.trust.adaptive_attacks.page import Clean, Result, write_section
from benchmarks.trust.adaptive_attacks.search import Attack, Target, search, stopped_by_guard, targets
from grader.heads.base import HeadBase, open_base
from grader.heads.fitting import HeadSettings, RatedLab, fit_lab_heads, read_features
from grader.progress_bars import step_bars
from labs_schema.models import Lab, Submission
from labs_schema.privacy.redaction import redacted_files
from labs_schema.reading.validate import lab_folders, load_lab
from prompts.base_models import find_base
from prompts.encode import PromptEncoder
from prompts.quoting import quote
from prompts.style import PromptStyle
from serving.grading.grader import Grader
from serving.grading.provenance import ModelIdentity
from serving.head.head_engine import HeadEngine
from serving.measures.decisions import decisions_from_answers
from serving.scoring.triage import Thresholds
from training.dataset.splits import training_students

Show = Callable[[str, int, int], None]
HEAD, BOTH, CONTROL = "head", "head + evidence", "control: head on programs as written"
CONTEXT = 8192


class Setting(NamedTuple):
    """`programs`: the number of attacked programs, None for all."""

    name: str
    attack: Attack
    programs: int | None = None


def as_written(submission: Submission, language: str) -> str:
    """The text that heads read until they read the working code only."""
    return quote("\n".join(file.text for file in redacted_files(submission, language)))


def fitted(labs: Sequence[Lab], train: Sequence[str], base: HeadBase, show: Show) -> Grader:
    """A head on the training students' ratings, as if calibrated so that every answer is accepted."""
    features = read_features([(lab, lab.submissions) for lab in labs], base, 0, show)
    rated = [RatedLab(lab, lab.submissions, rated_by(lab, train)) for lab in labs]
    head, _ = fit_lab_heads(rated, features, base, HeadSettings())
    identity = ModelIdentity(base_model=base.name, model_hash="0", tokenizer_hash="1", prompt_hash="2")
    everything = Thresholds(confidence=0.0, label_mass=0.0, calibrated=True)
    encoder = PromptEncoder(base.tokenizer, context_length=CONTEXT)
    return Grader(HeadEngine(head, base.states, CONTEXT), encoder, PromptStyle(), identity, everything)


def attacked(grader: Grader, setting: Setting, aims: Sequence[Target], show: Show) -> Result:
    attempts, compiled = [], [0, 0]
    chosen = aims[:: max(1, len(aims) // (setting.programs or len(aims)))]
    for number, target in enumerate(chosen):
        found, last = search(grader, target, setting.attack, number)
        attempts += found
        if compiles(target.submission.files[0].text):
            compiled[0] += compiles(last)
            compiled[1] += 1
        show(f"attacking {setting.name}", number + 1, len(chosen))
    return Result(setting.name, setting.attack, attempts, (compiled[0], compiled[1]))


def compiles(code: str) -> bool:
    if not shutil.which("gcc"):
        return False
    command = ["gcc", "-fsyntax-only", "-w", "-x", "c", "-"]
    return subprocess.run(command, input=code.encode(), capture_output=True, check=False).returncode == 0


def clean(grader: Grader, labs: Sequence[Lab], train: Sequence[str]) -> Clean:
    """The grades of all programs of held-out students, not attacked."""
    decisions, flagged, programs = [], 0, 0
    for lab in labs:
        held_out = [s for s in lab.submissions if s.student in lab.ratings_by_student and s.student not in train]
        grades = grader.grade(lab, held_out)
        answers = [(grade.student, answer) for grade in grades for answer in grade.criteria]
        decisions += decisions_from_answers(lab, answers)
        flagged += sum(map(stopped_by_guard, grades))
        programs += len(grades)
    return Clean(sorted(decisions, key=lambda d: (d.lab, d.criterion, d.student)), flagged, programs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--attempts", type=int, default=15)
    parser.add_argument("--control-programs", type=int, default=15)
    parser.add_argument("--running-programs", type=int, default=55, help="programs to which code that runs is added")
    arguments = parser.parse_args()
    started = time.monotonic()
    labs = [lab for folder in lab_folders(arguments.labs) if (lab := load_lab(folder)).language == "C"]
    train = training_students(sorted({s for lab in labs for s in lab.ratings_by_student}), SHARE, 0)
    base = open_base(find_base(MODEL), None)
    text, running = Attack(tuple(TEXT), arguments.attempts), Attack(tuple(INJECTIONS), arguments.attempts)
    plain = [without_observations(lab) for lab in labs]
    observed = any(submission.observations for lab in labs for submission in lab.submissions)
    courses = {HEAD: plain, CONTROL: plain} | ({BOTH: labs} if observed else {})
    results: list[Result] = []
    ordinary: dict[str, Clean] = {}
    graders: dict[str, Grader] = {}
    with step_bars() as show:
        for name, used in courses.items():
            with reading(name):
                graders[name] = fitted(used, train, base, show)
                graders[name].verification_pass = name != CONTROL  # it would read every program of the control twice
                ordinary[name] = clean(graders[name], used, train)
                graders[name].verification_pass = True
                if name != CONTROL:
                    results.append(attacked(graders[name], Setting(name, text), targets(used, train), show))
            write_section(arguments, results, ordinary, time.monotonic() - started)
        # Every step needs the language model, so these take longest.
        for name, attack, programs in (
            (CONTROL, text, arguments.control_programs),
            *((name, running, arguments.running_programs) for name in courses if name != CONTROL),
        ):
            if programs:
                with reading(name):
                    aims = targets(courses[name], train)
                    results.append(attacked(graders[name], Setting(name, attack, programs), aims, show))
                write_section(arguments, results, ordinary, time.monotonic() - started)


@contextmanager
def reading(name: str) -> Iterator[None]:
    """While inside, heads read what the head of this name reads."""
    with ExitStack() as stack:
        if name == CONTROL:
            for module in ("serving.head.head_engine", "grader.heads.fitting"):
                stack.enter_context(patch(f"{module}.working_code", as_written))
        yield


if __name__ == "__main__":
    main()
