"""Evidence on the human-rated Java course.

Run: python -m benchmarks.evidence.java_course LABS/menagerie_2018_20_predator_prey docs/measurements

The course's dataset joined the files of each program into one and left out those that were unchanged. Here they are
split again, and the classes of the course that a program names are added, as other students have them. Then the
programs are built, and heads rate them with and without the outcomes.

Time: minutes. Figures: docs/measurements/evidence-java.md.
"""

import argparse
import re
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.evidence.agreement import STUDENTS, measure_students
from benchmarks.evidence.java_classes import completed, course_classes, split_classes, with_files
from benchmarks.heads.course import BOTH, EVIDENCE, HEAD, MAJORITY, Course, kinds_of_heads
from benchmarks.heads.tables import interval
from grader.heads.base import HeadBase
from grader.heads.fitting import read_features
from grader.observe.observe_lab import make_observer
from grader.progress_bars import step_bars
from labs_schema.checks.models import WARNINGS, Build, Checks, Lint
from labs_schema.models import Lab
from labs_schema.observations import SubmissionObservations
from labs_schema.reading.validate import load_lab
from serving.head.hidden_states import Hidden
from serving.measures.agreement import agreement, difference
from serving.measures.decisions import Decision
from serving.observing.observer import Observer

DOCUMENTED = "everything is documented"
CHECKS = Checks(
    build=Build(seconds=60, memory_mib=1024),
    lint=(
        Lint(
            name=DOCUMENTED,
            command=("/bin/sh", "-c", "javac -Xmaxwarns 1000 -Xdoclint:all -Werror -d /tmp/out *.java"),
            seconds=60,
        ),
    ),
)
"""From the statement, which asks whether "everything is well-documented". The programs need a screen to run."""
SPLITS, RESAMPLES = 5, 1000
WIDTH = 8
GRADERS = (MAJORITY, HEAD, EVIDENCE, BOTH)
PAGE = """# Evidence on a Java course that people rated

Command: `python -m benchmarks.evidence.java_course LABS/{lab} docs/measurements`, {date}, commit {commit}, on {data}.

The programs are rated by people: at least 3 of 4 graders gave the rating. The authors of the set joined the files of
each program into one and left out those that were unchanged, so that no program builds as it is: {joined} of {count}.
Here the files are split at the top-level types, and the classes of the course that a program names and does not have
are added, in the version that at least two other students have unchanged.

| programs | built |
|---|---|
| as they are in the set | {joined} of {count} |
| split into files | {split} of {count} |
| split, with the course's classes | {built} of {count} |

{failures}

The programs are simulations with a window, so that they cannot be run and compared without a screen. The evidence is
the build, the compiler's warnings (without any: {unwarned} of {count}), and whether `javac -Xdoclint:all` finds
everything documented ({documented} of {count}; the number of its findings counts, too).

*Head* reads the program by its code tokens only, without hidden states: programs of up to 80 kB take a language model
too long on this machine. {splits} splits by student, 70 % for training; intervals: 95 %, over students.

{table}

{more}: {difference}. With {count} programs, only large differences can be seen. The rated
criteria are about design, style and documentation, about which a build reveals little.
"""


class NoStates:
    """A base model that reads nothing."""

    width = WIDTH

    def means(self, texts: Sequence[str]) -> Hidden:
        return np.zeros((len(texts), WIDTH), np.float32)

    def close(self) -> None:
        pass


def observed(lab: Lab, folder: Path, show: object) -> tuple[list[int], list[SubmissionObservations]]:
    """The number of programs that build as they are, split, and with the course's classes; the last observations."""
    programs = [split_classes("\n".join(file.text for file in s.files)) for s in lab.submissions]
    course = course_classes(programs)
    observer = make_observer(folder, lab, CHECKS)
    only_build = Observer(Checks(build=CHECKS.build), observer.toolchain, observer.sandbox, {})
    counts, found = [0, 0, 0], []
    for number, (submission, program) in enumerate(zip(lab.submissions, programs, strict=True)):
        counts[0] += built(only_build.observe(submission))
        counts[1] += built(only_build.observe(with_files(submission, program)))
        found.append(observer.observe(with_files(submission, completed(program, course))))
        counts[2] += built(found[-1])
        show("building", number + 1, len(programs))  # type: ignore[operator]
    return counts, found


def built(observations: SubmissionObservations) -> bool:
    return bool(observations.build and observations.build.passed)


def failures(found: Sequence[SubmissionObservations]) -> str:
    """Why the others are not built: the first error of each, without names."""
    first = [each.build.diagnostics[0].text for each in found if each.build and each.build.diagnostics]
    reasons = Counter(re.sub(r"\W?\b[A-Z]\w*\b\W?", "...", text)[:60] for text in first)
    listed = "; ".join(f"{reason} ({count})" for reason, count in reasons.most_common())
    return f"First errors of the others: {listed}." if listed else ""


def table(rows: dict[tuple[str, str], list[Decision]]) -> str:
    decisions = {name: rows[STUDENTS, name] for name in GRADERS}
    lines = [f"| criterion | decisions | {' | '.join(GRADERS)} |", "|---" * (2 + len(GRADERS)) + "|"]
    for title in [None, *dict.fromkeys(d.criterion for d in decisions[BOTH])]:
        of = {name: [d for d in each if title in (None, d.criterion)] for name, each in decisions.items()}
        figures = [agreement(each, resamples=RESAMPLES).figures["agreement"] for each in of.values()]
        cells = " | ".join(interval(f.value, f.low, f.high) for f in figures)
        lines.append(f"| {title or '**all criteria**'} | {len(of[BOTH])} | {cells} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lab", type=Path)
    parser.add_argument("out", type=Path)
    chosen = parser.parse_args()
    lab = load_lab(chosen.lab)
    base = HeadBase("none", None, "", "0" * 64, None, (1,), "float32", NoStates())
    with step_bars() as show:
        (joined, split, complete), found = observed(lab, chosen.lab, show)
        with_outcomes = [s.model_copy(update={"observations": o}) for s, o in zip(lab.submissions, found, strict=True)]
        lab = lab.model_copy(update={"submissions": tuple(with_outcomes)})
        features = read_features([(lab, lab.submissions)], base, 0, show)
        rows = measure_students(Course([lab], kinds_of_heads(features), base), SPLITS, show)
    more = difference(rows[STUDENTS, BOTH], rows[STUDENTS, HEAD], resamples=RESAMPLES)["agreement"]
    outcomes = {name: sum(bool((r := o.result(name)) and r.passed) for o in found) for name in (WARNINGS, DOCUMENTED)}
    page = PAGE.format(
        lab=chosen.lab.name,
        date=time.strftime("%d %B %Y", time.gmtime()),
        commit=subprocess.run(("git", "rev-parse", "--short", "HEAD"), capture_output=True, text=True).stdout.strip(),
        data="2 cores shared with other work",
        unwarned=outcomes[WARNINGS],
        documented=outcomes[DOCUMENTED],
        joined=joined,
        split=split,
        built=complete,
        count=len(found),
        failures=failures(found),
        splits=SPLITS,
        table=table(rows),
        more=f"{BOTH.capitalize()} minus {HEAD}, paired by decision",
        difference=interval(more.value, more.low, more.high),
    )
    (chosen.out / "evidence-java.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
