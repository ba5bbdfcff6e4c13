"""Agreement of heads with TAs on unseen students, on unseen labs, and on a new lab of which a few programs are rated.

Run: python -m benchmarks.heads.agreement FOLDER_OF_LABS docs/measurements [--draws 5] [--counts 0 5 10 20 30 40]

Writes heads.md and heads.png into the second folder, again after each draw of rated programs. Baselines: the most
frequent rating, and bag of words. Heads see all programs of a lab, but only the ratings of the training side. The
intervals are over students. If labs have observations.jsonl, heads are measured without them, with them, and on them
alone.

Time: half an hour. Figures: docs/measurements/heads.md.
"""

import argparse
import time
from pathlib import Path

from benchmarks.heads.agreement_page import Run, write_page
from benchmarks.heads.course import MODEL, Course, Rows, kinds_of_heads
from benchmarks.heads.new_labs import chosen_programs, new_labs, random_programs
from benchmarks.heads.unseen import splits, unseen_labs
from grader.heads.base import open_base
from grader.heads.fitting import read_features
from grader.progress_bars import step_bars
from labs_schema.reading.validate import lab_folders, load_lab
from prompts.base_models import find_base

COUNTS = (0, 5, 10, 20, 30, 40)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--counts", type=int, nargs="+", default=list(COUNTS), help="rated programs of a new lab")
    arguments = parser.parse_args()
    labs = [load_lab(folder) for folder in lab_folders(arguments.labs)]
    base = open_base(find_base(MODEL), None)
    rows: Rows = {}
    refits: list[float] = []
    with step_bars() as show:
        started = time.monotonic()
        features = read_features([(lab, lab.submissions) for lab in labs], base, 0, show)
        course = Course(labs, kinds_of_heads(features), base)
        reading = time.monotonic() - started
        splits(course, rows, show)
        unseen_labs(course, rows, show)
        new = new_labs(course)
        for number, each in enumerate(new, 1):
            refits += chosen_programs(each, rows, arguments.counts)
            show("chosen programs", number, len(new))
        for draw in range(arguments.draws):
            for number, each in enumerate(new, 1):
                refits += random_programs(each, rows, draw, arguments.counts)
                show(f"random programs, draw {draw + 1}", number, len(new))
            write_page(Run(arguments, course, reading, refits, draw + 1), rows)


if __name__ == "__main__":
    main()
