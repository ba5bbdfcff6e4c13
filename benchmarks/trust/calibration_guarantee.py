"""Frequency of violations of the guarantee of `grader calibrate` in simulated courses, as a Markdown table.

    python -m benchmarks.trust.calibration_guarantee

At most 5 % disagreement among accepted decisions is guaranteed with 90 % confidence, so at most a tenth of the courses
may violate it.

Time: a minute. Figures: docs/measurements/calibration.md.
"""

import argparse

from rich.console import Console

from serving.calibration.risk_control import upper_bounds
from tests.harness.courses.simulated_courses import (
    SimulatedCourse,
    guarantee_violations,
    independent_decisions,
    observed_error,
)

DRAWS = 1000
EACH = 24
METHODS = {"ours": upper_bounds, "as if independent": independent_decisions, "no bound": observed_error}
GRADERS = {
    "calibrated, correlation 0": ("calibrated", 0.0, 0.0),
    "calibrated, correlation .5": ("calibrated", 0.5, 0.0),
    "overconfident, correlation .5": ("overconfident", 0.5, 0.0),
    "underconfident, correlation .5": ("underconfident", 0.5, 0.0),
    "94 % right at every confidence, correlation .5": ("uninformative", 0.5, 0.0),
    "always wrong about 7 % of the students": ("underconfident", 0.0, 0.07),
}


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    say = Console(soft_wrap=True, highlight=False, markup=False).print
    say(f"| grader | students | {' | '.join(f'{name}: violated (accepted)' for name in METHODS)} |")
    say("|---|---" + "|---" * len(METHODS) + "|")
    for name, (grader, correlation, always_wrong) in GRADERS.items():
        for students in (15, 30, 60):
            course = SimulatedCourse(students, EACH, grader, correlation, always_wrong)
            found = [
                guarantee_violations(course, max_error=0.05, confidence=0.9, draws=DRAWS, bound=bound)
                for bound in METHODS.values()
            ]
            say(f"| {name} | {students} | {' | '.join(f'{f.violated:.3f} ({f.accepted:.0%})' for f in found)} |")


if __name__ == "__main__":
    main()
