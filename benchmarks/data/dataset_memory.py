"""Time and memory of `build-dataset` on many synthetic labs in a temporary folder.

Run: python -m benchmarks.data.dataset_memory --labs 100 --submissions 1000

Time: 2 minutes. Figures: docs/measurements/near-copies.md.
"""

import argparse
import json
import random
import resource
import tempfile
import time
from pathlib import Path

from prompts.style import PromptStyle
from training.dataset.build import DatasetOptions, build_dataset

CRITERIA, RATINGS = 4, 3


def program(rng: random.Random) -> str:
    """About 0.5 kB of C, different each time."""
    names = rng.sample(["total", "n", "i", "best", "value", "k", "sum", "last"], 4)
    lines = [f"    int {', '.join(names)};"]
    for _ in range(rng.randint(8, 16)):
        one, two = rng.sample(names, 2)
        number = rng.randint(0, 99)
        choices = (
            f"{one} = {two} {rng.choice('+-*')} {number};",
            f"if ({one} {rng.choice('<>')} {two}) {{ {one} = {number}; }}",
            f"for ({one} = 0; {one} < {two}; {one}++) {{ {two} += {number}; }}",
            f'printf("%d\\n", {one});',
            f'scanf("%d", &{one});',
            f"while ({one} != {number}) {{ {one}--; }}",
        )
        lines.append("    " + rng.choice(choices))
    return "#include <stdio.h>\n\nint main(void) {\n" + "\n".join(lines) + "\n    return 0;\n}\n"


def write_lab(folder: Path, submissions: int, cohort: int, rng: random.Random) -> None:
    criteria = [
        {
            "title": f"Criterion {c}",
            "description": "As required.",
            "Ratings": [{"title": "ABC"[r], "description": f"Level {r}"} for r in range(RATINGS)],
        }
        for c in range(CRITERIA)
    ]
    folder.mkdir()
    (folder / "rubrics.json").write_text(json.dumps(criteria))
    (folder / "modified_ps.txt").write_text("Read numbers and print the result. " * 10)
    (folder / "ps.txt").write_text("Read numbers and print the result, at length. " * 30)
    columns = [(c, r) for c in range(CRITERIA) for r in range(RATINGS)]
    rows = [
        ["Criterion", *(f"Criterion {c}" for c, _ in columns)],
        ["Description", *("As required." for _ in columns)],
        ["Rating", *("ABC"[r] for _, r in columns)],
        ["Rating description", *(f"Level {r}" for _, r in columns)],
        ["Marks", *(str(2 - r) for _, r in columns)],
        ["Student", *("" for _ in columns)],
    ]
    for number in range(submissions):
        student = f"s{cohort * submissions + number:06d}@course"
        given = [rng.randrange(RATINGS) for _ in range(CRITERIA)]
        rows.append([student, *(str(int(given[c] == r)) for c, r in columns)])
        home = folder / "submissions" / student
        home.mkdir(parents=True)
        (home / "main.c").write_text(program(rng))
    (folder / "rubric_ratings.csv").write_text("".join(",".join(row) + "\n" for row in rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labs", type=int, default=100)
    parser.add_argument("--submissions", type=int, default=1000, help="per lab")
    parser.add_argument("--shuffle", action="store_true")
    parser.add_argument("--folder", type=Path, help="parent of the temporary folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        parent, out = Path(name) / "labs", Path(name) / "data"
        parent.mkdir()
        rng = random.Random(0)
        for number in range(given.labs):
            write_lab(parent / f"lab{number:03d}", given.submissions, number // 10, rng)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start, spent = time.perf_counter(), time.process_time()
        steps: dict[str, float] = {}
        manifest = build_dataset(
            parent,
            out / "train.jsonl",
            out / "test.jsonl",
            DatasetOptions(style=PromptStyle(), eval_labs=("lab000",), shuffle=given.shuffle),
            progress=lambda step, _done, _of: steps.update({step: time.perf_counter() - start}),
        )
        figures = {
            "submissions": given.labs * given.submissions,
            "seconds": round(time.perf_counter() - start, 1),
            "cpu_seconds": round(time.process_time() - spent, 1),
            "ended_at_seconds": {step: round(at, 1) for step, at in steps.items()},
            "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000),
            "peak_mb_before": round(before / 1000),
            "rows": {path: output.rows for path, output in manifest.outputs.items()},
            "bytes": {path: output.bytes for path, output in manifest.outputs.items()},
            "set_aside": sum(len(lab.set_aside) for lab in manifest.labs.values()),
        }
        print(json.dumps(figures, indent=1))  # noqa: T201


if __name__ == "__main__":
    main()
