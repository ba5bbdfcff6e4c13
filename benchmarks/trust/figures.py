"""Trust figures of a folder of labs as one line of JSON, measured with the commands that a user types.

    python -m benchmarks.trust.figures [--labs FOLDER] [--held-out LAB] [--attacked LAB] [--work FOLDER]
        [--recipe FILE] [--model MODEL]

Builds a dataset with one lab held out, trains by a recipe (a head on smollm2-135m by default), calibrates it at 5 % on
half of the held-out students, evaluates it on all held-out submissions (calibration figures only on the other half),
and attacks one held-out program of every student of one lab. With a recipe of SFT or DPO it also evaluates the untuned
base and scores in three option orders. Steps whose result is in --work are not repeated.
Values are shares of decisions, with 95 % intervals over students in `intervals`.

`auto_accept_share_at_5pct` is of that other half too; it is 0 if no guarantee could be given. `undetected_raises` is
the number of raised answers that were accepted without review, out of `raisable_answers`: 0 if nothing is accepted.
`undetected_raises_if_all_accepted` counts those that neither the detector nor the verification pass stopped, and
`by_control_text` those raised by ordinary words in the same places. `false_alarms` is the share of clean programs
that the detector flags, over all programs of all labs.

Time: half an hour. Figures: docs/measurements/evaluation.md.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from grader.evaluation import BAG_OF_WORDS, HELD_OUT, MAJORITY, TUNED, UNSEEN, UNTUNED
from grader.experiments.attack_report import ALL, CONTROL
from labs_schema.reading.validate import lab_folders, load_lab
from serving.injection import detect
from training.config import RunConfig, load_config


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labs", type=Path, default=Path("labs"))
    parser.add_argument("--held-out", help="a lab's name; the last by default")
    parser.add_argument("--attacked", help="a lab's name; the first by default")
    parser.add_argument("--work", type=Path, default=Path("build/bench-trust"))
    parser.add_argument("--recipe", type=Path, default=Path("training/recipes/head.yaml"))
    parser.add_argument("--model", help="the base model; the recipe's by default")
    given = parser.parse_args()
    names = [folder.name for folder in lab_folders(given.labs)]
    config = load_config(given.recipe, {"model": given.model})
    run = trained(given.labs, given.held_out or names[-1], given.work, given.recipe, config)
    attacked = given.labs / (given.attacked or names[0])
    evaluation, orders, attack = (given.work / name for name in ("evaluation", "orders", "attack"))
    parent = ["--parent-dir", given.labs]
    grader("calibrate", run, *parent, done=run / "calibration.json", refuses=True)
    report = ["--report", evaluation / "report.html"]
    base = ["--no-base"] if config.head else []
    grader("evaluate", run, *parent, "--out", evaluation, *report, *base, done=evaluation / "evaluation.json")
    if not config.head:
        options = ["--out", orders, "--orders", "3", "--no-base"]
        grader("evaluate", run, *parent, *options, done=orders / "evaluation.json")
    # One program of every student that the run was not trained on.
    for name, how in (("calibrated", []), ("all", ["--accept-from", "0"])):
        out = attack / name
        grader(
            *("attack", attacked, "--model", run, "--submissions", "1000", "--out", out, *how), done=out / "attack.json"
        )
    found = figures(evaluation, orders, attack, run) | {"false_alarms": round(false_alarms(given.labs), 4)}
    print(json.dumps(found))  # noqa: T201


def trained(labs: Path, held_out: str, work: Path, recipe: Path, config: RunConfig) -> Path:
    """The run folder, merged if it has an adapter or tuned weights."""
    data, runs = work / "data", work / "runs"
    files = ["--train-dataset-path", data / "train.jsonl", "--test-dataset-path", data / "test.jsonl"]
    grader(
        *("build-dataset", "--parent-dir", labs, "--eval-lab-names", held_out, "--prompt", "compact", *files),
        done=data / "manifest.json",
    )
    options = ["--config", recipe, "--model", config.model, "--dataset", data, "--output-dir", runs]
    options += ["--set", f"head.labs={labs}"] if config.head else []
    grader("train", *options, done=runs / "latest" / "manifest.json")
    if not config.head:
        grader("merge", runs / "latest", done=runs / "latest" / "merged" / "manifest.json")
    return runs / "latest"


def grader(*command: str | Path, done: Path, refuses: bool = False) -> None:
    """Runs `grader COMMAND` unless its result `done` exists. `refuses`: status 1 is fine if the result was written."""
    if done.exists():
        return
    arguments = [sys.executable, "-m", "grader", *map(str, command)]
    sys.stderr.write(f"$ grader {' '.join(map(str, command))}\n")
    status = subprocess.run(arguments, stdout=sys.stderr, check=False).returncode
    if status and not (refuses and done.exists()):
        raise SystemExit(f"grader {command[0]} ended with status {status}")


def figures(evaluation: Path, orders: Path, attack: Path, run: Path) -> dict[str, Any]:
    groups = read(evaluation / "evaluation.json")["groups"]
    seen, unknown = groups[UNSEEN], groups[HELD_OUT]
    confidence = seen["confidence"][TUNED]
    guarantee = read(run / "calibration.json")["guarantee"]
    decided, exposed = (read(attack / name / "attack.json")["families"] for name in ("calibrated", "all"))
    estimates = {
        "agreement_seen_labs": agreement(seen, TUNED),
        "agreement_heldout_lab": agreement(unknown, TUNED),
        "baseline_majority_seen_labs": agreement(seen, MAJORITY),
        "baseline_bag_of_words_seen_labs": agreement(seen, BAG_OF_WORDS),
        "baseline_majority_heldout_lab": agreement(unknown, MAJORITY),
        "baseline_bag_of_words_heldout_lab": agreement(unknown, BAG_OF_WORDS),
    }
    if orders.exists():
        flips = read(orders / "evaluation.json")["groups"][UNSEEN]["order"]["flips"]
        estimates["baseline_untuned_seen_labs"] = agreement(seen, UNTUNED)
        estimates["order_flip_rate"] = flips | {"value": flips["rate"]}
    return {
        **{name: round(each["value"], 4) for name, each in estimates.items()},
        "ece_before": round(confidence["before"]["ece"], 4),
        "ece_after": round(confidence["after"]["ece"], 4),
        "auto_accept_share_at_5pct": round(confidence["accepted"], 4),
        "undetected_raises": decided[ALL]["undetected_raises"] if guarantee else 0,
        "undetected_raises_if_all_accepted": exposed[ALL]["undetected_raises"],
        "by_control_text": exposed[CONTROL]["undetected_raises"],
        "raisable_answers": exposed[ALL]["raisable"],
        "decisions_seen_labs": seen["graders"][TUNED]["decisions"],
        "decisions_heldout_lab": unknown["graders"][TUNED]["decisions"],
        "intervals": {name: [round(each["low"], 4), round(each["high"], 4)] for name, each in estimates.items()},
    }


def agreement(group: dict[str, Any], name: str) -> dict[str, float]:
    found: dict[str, float] = group["graders"][name]["figures"]["agreement"]
    return found


def false_alarms(labs: Path) -> float:
    """The share of all programs in `labs` in which the detector flags an injected prompt."""
    flagged = [bool(detect(s, lab.language)) for lab in map(load_lab, lab_folders(labs)) for s in lab.submissions]
    return sum(flagged) / len(flagged)


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
