"""Building datasets: sides, near-copies, determinism, atomicity, confidentiality."""

import json
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labs_schema.errors import InputError
from labs_schema.hashes import submission_key
from labs_schema.models import HumanGrade, Lab, SourceFile
from labs_schema.observations import CheckKind, CheckResult, Outcome, SubmissionObservations
from labs_schema.reading.validate import Validated, read_lab
from prompts.style import PromptStyle
from tests.harness.courses.lab_folders import write_lab
from tests.harness.errors import raises_code
from training.dataset.build import DatasetOptions, build_dataset
from training.dataset.collected_labs import LabReport
from training.dataset.manifest import read_dataset_manifest
from training.dataset.pairs import PromptOptions, rated_submissions
from training.dataset.row_formats import read_pairs

OUTPUTS = ("train.jsonl", "test.jsonl", "manifest.json")


def with_program(lab: Lab, student: str, text: str) -> Lab:
    files = (SourceFile(path="main.c", text=text),)
    submissions = (
        one.model_copy(update={"files": files}) if one.student == student else one for one in lab.submissions
    )
    return lab.model_copy(update={"submissions": tuple(submissions)})


def write_labs(parent: Path, *labs: Lab) -> None:
    for lab in labs:
        write_lab(lab, parent / lab.name)


def submissions_in(path: Path) -> set[tuple[str, str]]:
    return {(row.lab, row.submission) for row in read_pairs(path)}


def test_rows_are_on_the_side_listed_in_the_manifest(build: Any, labs: Path, tmp_path: Path) -> None:
    manifest = build(labs, tmp_path)
    assert manifest == read_dataset_manifest(tmp_path / "train.jsonl")
    for name in ("train", "test"):
        listed = {(lab, one) for lab, sides in manifest.labs.items() for one in getattr(sides, name)}
        assert submissions_in(tmp_path / f"{name}.jsonl") == listed
        assert len(listed) == {"train": 3 * 7, "test": 3 * 3}[name]
        rows = list(read_pairs(tmp_path / f"{name}.jsonl"))
        assert len(rows) == manifest.outputs[f"{name}.jsonl"].rows == 3 * len(listed)
        assert all(row.prompt[: row.shared_chars].endswith("</student-observations>\n\n") for row in rows)


def test_no_student_is_in_both_files(build: Any, labs: Path, tmp_path: Path) -> None:
    build(labs, tmp_path)
    owner = {submission_key(f"lab{n}", f"s{i:03d}"): i for n in (1, 2, 3) for i in range(10)}
    train, test = ({owner[one] for _, one in submissions_in(tmp_path / name)} for name in ("train.jsonl", "test.jsonl"))
    assert not train & test
    assert train | test == set(range(10))


def test_eval_labs_and_copies_of_their_work_are_never_trained_on(
    build: Any, varied: Any, tmp_path: Path, make_lab
) -> None:
    one, two = varied(make_lab("lab1", students=10)), varied(make_lab("lab2", students=10))
    secret = two.submissions[4].files[0].text
    obfuscated = "/* all my own work */\n" + secret.replace("x", "value").replace("\n", "\r\n\t")
    write_labs(tmp_path / "labs", with_program(one, "s007", obfuscated), two)
    manifest = build(tmp_path / "labs", tmp_path, eval_labs=["lab2"], train_split=1.0)
    assert len(manifest.labs["lab2"].test) == 10
    assert manifest.labs["lab1"].set_aside == (submission_key("lab1", "s007"),)
    assert len(manifest.labs["lab1"].train) == 9
    assert {lab for lab, _ in submissions_in(tmp_path / "train.jsonl")} == {"lab1"}
    assert {lab for lab, _ in submissions_in(tmp_path / "test.jsonl")} == {"lab2"}
    assert submission_key("lab1", "s007") not in (tmp_path / "train.jsonl").read_text()


HARNESS = "\n".join(f"void check_{n}(void) {{ assert(f({n}) == {n * n}); report({n}, {n % 7}); }}" for n in range(60))


@pytest.mark.parametrize("given", ["template", "shared"])
def test_starter_code_does_not_make_near_copies(build: Any, varied: Any, tmp_path: Path, make_lab, given: str) -> None:
    lab = varied(make_lab(students=10))
    harness = SourceFile(path="harness.c", text=HARNESS)
    submissions = [one.model_copy(update={"files": (harness, *one.files)}) for one in lab.submissions]
    if given == "template":  # most students leave the given file out, so that it is not common in the lab
        submissions[3:] = lab.submissions[3:]
    copied = (SourceFile(path="main.c", text=submissions[0].files[1].text.replace("x", "copied")),)
    submissions[5] = submissions[5].model_copy(update={"files": copied})
    template = (harness,) if given == "template" else ()
    write_labs(tmp_path / "labs", lab.model_copy(update={"submissions": tuple(submissions), "template": template}))
    for seed, trained in ((0, "s000"), (1, "s005")):  # the seeds that train on one of the two and test with the other
        sides = build(tmp_path / "labs", tmp_path / str(seed), seed=seed).labs["lab1"]
        assert sides.set_aside == (submission_key("lab1", trained),)
        assert (len(sides.train), len(sides.test)) == (6, 3)


def test_equal_programs_are_near_copies_even_if_only_one_lab_has_the_template(
    build: Any, varied: Any, tmp_path: Path, make_lab
) -> None:
    one, two = varied(make_lab("lab1", students=10)), varied(make_lab("lab2", students=10))
    program = HARNESS + "\n" + two.submissions[4].files[0].text
    one, two = with_program(one, "s007", program), with_program(two, "s004", program)
    two = two.model_copy(update={"template": (SourceFile(path="harness.c", text=HARNESS),)})
    write_labs(tmp_path / "labs", one, two)
    manifest = build(tmp_path / "labs", tmp_path, eval_labs=["lab2"], train_split=1.0)
    assert manifest.labs["lab1"].set_aside == (submission_key("lab1", "s007"),)


@pytest.mark.parametrize(
    ("options", "found"),
    [({"eval_labs": ["lab1"]}, "held out for testing: 10"), ({"train_split": 0.1}, "near-copies of them: 1")],
)
def test_no_training_rows_is_an_error_with_the_reason(
    build: Any, tmp_path: Path, make_lab, options: dict[str, Any], found: str
) -> None:
    lab = make_lab(students=10)
    for one in lab.submissions:
        lab = with_program(lab, one.student, HARNESS)
    write_labs(tmp_path / "labs", lab)
    with pytest.raises(InputError) as caught:
        build(tmp_path / "labs", tmp_path, **options)
    (issue,) = caught.value.issues
    assert issue.code == "no-training-rows" and found in issue.found
    assert not (tmp_path / "train.jsonl").exists()
    build(tmp_path / "labs", tmp_path, **options | {"train_split": 0})


def test_unrated_work_is_in_no_file(build: Any, varied: Any, tmp_path: Path, make_lab) -> None:
    lab = varied(make_lab(students=6))
    grades = tuple(
        HumanGrade(student=grade.student, criterion=grade.criterion, rating=None) if grade.student == "s001" else grade
        for grade in lab.human_grades
    )
    write_labs(tmp_path / "labs", lab.model_copy(update={"human_grades": grades}))
    reports: list[LabReport] = []
    manifest = build(tmp_path / "labs", tmp_path, report=reports.append)
    assert submission_key("lab1", "s001") not in manifest.model_dump_json()
    (report,) = reports
    assert (report.submissions, report.train + report.test, report.rows) == (6, 5, 15)


def test_output_is_deterministic_in_the_seed(build: Any, labs: Path, tmp_path: Path) -> None:
    bytes_of = {}
    for run, seed in (("one", 0), ("two", 0), ("three", 1)):
        build(labs, tmp_path / run, seed=seed, shuffle=True, eval_labs=["lab3"])
        bytes_of[run] = [(tmp_path / run / name).read_bytes() for name in OUTPUTS]
    assert bytes_of["one"] == bytes_of["two"]
    assert bytes_of["one"][0] != bytes_of["three"][0]


def test_shuffling_keeps_the_rows_of_a_submission_together(build: Any, labs: Path, tmp_path: Path) -> None:
    build(labs, tmp_path / "plain")
    build(labs, tmp_path / "mixed", shuffle=True)
    orders = {}
    for name in ("plain", "mixed"):
        rows = [(row.lab, row.submission) for row in read_pairs(tmp_path / name / "train.jsonl")]
        orders[name] = [one for one, before in zip(rows, [None, *rows], strict=False) if one != before]
    assert sorted(orders["plain"]) == sorted(orders["mixed"])
    assert len(orders["mixed"]) == len(set(orders["mixed"])) == 21
    assert [lab for lab, _ in orders["plain"]] == ["lab1"] * 7 + ["lab2"] * 7 + ["lab3"] * 7
    assert len({lab for lab, _ in orders["mixed"][:7]}) > 1


def test_all_issues_are_reported_and_existing_files_stay(build: Any, labs: Path, tmp_path: Path) -> None:
    out = tmp_path / "data"
    build(labs, out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    for name in ("lab2", "lab3"):
        (labs / name / "rubrics.json").write_text("{not json")
    with pytest.raises(InputError) as caught:
        build(labs, out, seed=1)
    assert {issue.path.split("/")[0] for issue in caught.value.issues} == {"lab2", "lab3"}
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


@pytest.mark.parametrize(
    "moment", ["training.dataset.spool.os.fsync", "training.dataset.build.split", "training.dataset.build.lab_split"]
)
def test_an_interrupted_build_leaves_no_files(
    build: Any, labs: Path, tmp_path: Path, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(moment, die)
    with pytest.raises(KeyboardInterrupt):
        build(labs, tmp_path / "data")
    assert list((tmp_path / "data").iterdir()) == []


def test_all_invalid_arguments_are_reported_together(build: Any, labs: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        build_dataset(
            labs,
            tmp_path / "a" / "x",
            tmp_path / "b" / "x",
            DatasetOptions(style=PromptStyle(), eval_labs=("lab1", "lab9"), train_split=70, augment_attacks=2),
        )
    issues = {issue.code: issue for issue in caught.value.issues}
    assert set(issues) == {"unknown-eval-lab", "bad-output-paths", "bad-train-split", "bad-augment-attacks"}
    assert "'lab9'" in issues["unknown-eval-lab"].found
    assert issues["unknown-eval-lab"].expected == "one of lab1, lab2, lab3"
    with raises_code("no-labs"):
        build(tmp_path / "nowhere", tmp_path)


def test_no_student_id_is_written(build: Any, labs: Path, tmp_path: Path) -> None:
    build(labs, tmp_path, reasoning=True)
    assert not any("s00" in (tmp_path / name).read_text() for name in OUTPUTS)


def test_a_lab_is_freed_before_the_next_is_read(
    build: Any, labs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[weakref.ref[Lab]] = []
    alive: list[int] = []

    def watched(folder: Path) -> Validated:
        alive.append(sum(one() is not None for one in seen))
        found = read_lab(folder)
        assert found.lab is not None
        seen.append(weakref.ref(found.lab))
        return found

    monkeypatch.setattr("training.dataset.collected_labs.read_lab", watched)
    build(labs, tmp_path)
    assert alive == [0, 0, 0]


@pytest.mark.parametrize("row_format", ["sft", "messages", "instruction"])
def test_the_other_formats_have_one_row_per_rating(build: Any, labs: Path, tmp_path: Path, row_format: str) -> None:
    manifest = build(labs, tmp_path, row_format=row_format)
    lines = (tmp_path / "train.jsonl").read_text().splitlines()
    assert len(lines) == manifest.outputs["train.jsonl"].rows == 21 * 2
    assert all(json.loads(line) for line in lines)


def test_pseudonyms_and_row_order_do_not_reveal_students(
    build: Any, labs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, splits = [], []
    for secret in ("one", "two", "one"):
        monkeypatch.setenv("GRADER_SECRET", str(tmp_path / f"{secret}.key"))
        out = tmp_path / secret
        manifest = build(labs, out)
        rows.append([json.loads(line) for line in (out / "train.jsonl").read_text().splitlines()])
        splits.append(manifest.labs["lab1"].train)
    assert rows[0] == rows[2] and splits[0] == splits[2]
    assert not set(splits[0]) & set(splits[1])
    assert [row["prompt"] for row in rows[0]] == [row["prompt"] for row in rows[1]]  # the same work in the same order
    owner = {submission_key("lab1", f"s{i:03d}"): i for i in range(10)}
    students = [owner[row["submission"]] for row in rows[0] if row["lab"] == "lab1"]
    assert students != sorted(students)


def test_a_share_of_the_programs_is_shown_without_its_observations(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab(students=60)
    result = CheckResult(check="build", kind=CheckKind.BUILD, outcome=Outcome.PASSED)
    seen = tuple(
        each.model_copy(update={"observations": SubmissionObservations(submission="0" * 64, results=(result,))})
        for each in lab.submissions
    )
    observed = lab.model_copy(update={"submissions": seen})
    for share in (0.0, 0.3, 1.0):
        options = PromptOptions(style=PromptStyle(), unobserved_share=share)
        shown = [rated[0].prompt.shared for _, rated in rated_submissions(observed, options)]
        hidden = sum("not observed" in text and "build: passed" not in text for text in shown)
        assert (hidden == share * 60) if share in (0, 1) else (5 <= hidden <= 35)
        assert shown == [rated[0].prompt.shared for _, rated in rated_submissions(observed, options)]
