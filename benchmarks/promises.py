"""How often the promise of `grader calibrate` is broken in made-up courses: `python benchmarks/promises.py`.

At most 5 % disagreement among accepted decisions is promised with 90 % confidence, so at most a tenth of the courses
may break it. A minute on one core.
"""

from rich.console import Console

from serving.calibration.risk_control import upper_bounds
from serving.calibration.simulation import Course, broken_promises, ignoring_students, no_bound

DRAWS = 1000
EACH = 24
METHODS = {"ours": upper_bounds, "as if independent": ignoring_students, "no bound": no_bound}
GRADERS = {
    "calibrated, correlation 0": ("calibrated", 0.0, 0.0),
    "calibrated, correlation .5": ("calibrated", 0.5, 0.0),
    "overconfident, correlation .5": ("overconfident", 0.5, 0.0),
    "underconfident, correlation .5": ("underconfident", 0.5, 0.0),
    "94 % right whatever it says, correlation .5": ("says nothing", 0.5, 0.0),
    "always wrong about 7 % of the students": ("underconfident", 0.0, 0.07),
}


def main() -> None:
    say = Console(soft_wrap=True, highlight=False, markup=False).print
    say(f"| grader | students | {' | '.join(f'{name}: broken (accepted)' for name in METHODS)} |")
    say("|---|---" + "|---" * len(METHODS) + "|")
    for name, (hits, alike, lost) in GRADERS.items():
        for students in (15, 30, 60):
            course = Course(students, EACH, hits, alike, lost)
            found = [
                broken_promises(course, max_error=0.05, confidence=0.9, draws=DRAWS, bound=bound)
                for bound in METHODS.values()
            ]
            say(f"| {name} | {students} | {' | '.join(f'{f.broken:.3f} ({f.accepted:.0%})' for f in found)} |")


if __name__ == "__main__":
    main()
