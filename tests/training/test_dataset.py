import hashlib
import json
import weakref
from pathlib import Path

import pytest

from labs_schema.errors import FaultsError
from labs_schema.hashes import submission_key
from labs_schema.models import HumanGrade, Lab, SourceFile
from labs_schema.validate import Validated, read_lab
from labs_schema.writer import write_lab
from prompts.style import PromptStyle
from training.dataset import build_dataset
from training.dataset_files import read_dataset_manifest, read_pairs, verify
from training.dataset_report import LabReport
from training.rows import DatasetManifest

STYLE = PromptStyle()
OUTPUTS = ("train.jsonl", "test.jsonl", "manifest.json")


def varied(lab: Lab) -> Lab:
    """The lab with programs that have nothing in common, not even over labs."""

    def program(student: str) -> str:
        digits = hashlib.sha256(f"{lab.name}{student}".encode()).digest()
        return "".join(f"if (x == {digit}) return {digit % 7};\n" for digit in digits)

    submissions = tuple(
        one.model_copy(update={"files": (SourceFile(path="main.c", text=program(one.student)),)})
        for one in lab.submissions
    )
    return lab.model_copy(update={"submissions": submissions})


def with_program(lab: Lab, student: str, text: str) -> Lab:
    files = (SourceFile(path="main.c", text=text),)
    submissions = (
        one.model_copy(update={"files": files}) if one.student == student else one for one in lab.submissions
    )
    return lab.model_copy(update={"submissions": tuple(submissions)})


def write_labs(parent: Path, *labs: Lab) -> None:
    for lab in labs:
        write_lab(lab, parent / lab.name)


def build(parent: Path, out: Path, **settings: object) -> DatasetManifest:
    asked = {"style": STYLE} | settings
    return build_dataset(parent, out / "train.jsonl", out / "test.jsonl", **asked)  # type: ignore[arg-type]


def submissions_in(path: Path) -> set[tuple[str, str]]:
    return {(row.lab, row.submission) for row in read_pairs(path)}


@pytest.fixture
def labs(tmp_path: Path, make_lab) -> Path:
    """Three labs of the same ten students."""
    parent = tmp_path / "labs"
    write_labs(parent, *(varied(make_lab(name, students=10)) for name in ("lab1", "lab2", "lab3")))
    return parent


def test_every_rating_becomes_its_pairs_on_the_side_that_the_manifest_says(labs: Path, tmp_path: Path) -> None:
    manifest = build(labs, tmp_path)
    assert manifest == read_dataset_manifest(tmp_path / "train.jsonl")
    for name in ("train", "test"):
        listed = {(lab, one) for lab, sides in manifest.labs.items() for one in getattr(sides, name)}
        assert submissions_in(tmp_path / f"{name}.jsonl") == listed
        assert len(listed) == {"train": 3 * 7, "test": 3 * 3}[name]
        rows = list(read_pairs(tmp_path / f"{name}.jsonl"))
        assert len(rows) == manifest.outputs[f"{name}.jsonl"].rows == 3 * len(listed)
        assert all(row.prompt[: row.shared_chars].endswith("</student-code>\n\n") for row in rows)


def test_no_student_of_the_test_side_is_trained_on_in_any_lab(labs: Path, tmp_path: Path) -> None:
    build(labs, tmp_path)
    owner = {submission_key(f"lab{n}", f"s{i:03d}"): i for n in (1, 2, 3) for i in range(10)}
    train, test = ({owner[one] for _, one in submissions_in(tmp_path / name)} for name in ("train.jsonl", "test.jsonl"))
    assert not train & test
    assert train | test == set(range(10))


def test_an_eval_lab_and_copies_of_its_work_elsewhere_are_never_trained_on(tmp_path: Path, make_lab) -> None:
    one, two = varied(make_lab("lab1", students=10)), varied(make_lab("lab2", students=10))
    secret = two.submissions[4].files[0].text
    disguised = "/* all my own work */\n" + secret.replace("x", "value").replace("\n", "\r\n\t")
    write_labs(tmp_path / "labs", with_program(one, "s007", disguised), two)
    manifest = build(tmp_path / "labs", tmp_path, eval_labs=["lab2"], train_split=1.0)
    assert len(manifest.labs["lab2"].test) == 10
    assert manifest.labs["lab1"].set_aside == (submission_key("lab1", "s007"),)
    assert len(manifest.labs["lab1"].train) == 9
    assert {lab for lab, _ in submissions_in(tmp_path / "train.jsonl")} == {"lab1"}
    assert {lab for lab, _ in submissions_in(tmp_path / "test.jsonl")} == {"lab2"}
    assert submission_key("lab1", "s007") not in (tmp_path / "train.jsonl").read_text()


def test_work_without_a_rating_is_on_no_side(tmp_path: Path, make_lab) -> None:
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


def test_two_runs_give_equal_bytes_and_another_seed_does_not(labs: Path, tmp_path: Path) -> None:
    bytes_of = {}
    for run, seed in (("one", 0), ("two", 0), ("three", 1)):
        build(labs, tmp_path / run, seed=seed, shuffle=True, eval_labs=["lab3"])
        bytes_of[run] = [(tmp_path / run / name).read_bytes() for name in OUTPUTS]
    assert bytes_of["one"] == bytes_of["two"]
    assert bytes_of["one"][0] != bytes_of["three"][0]


def test_shuffling_mixes_submissions_and_keeps_their_rows_together(labs: Path, tmp_path: Path) -> None:
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


def test_all_faults_of_all_labs_are_told_and_what_was_there_stays(labs: Path, tmp_path: Path) -> None:
    out = tmp_path / "data"
    build(labs, out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    for name in ("lab2", "lab3"):
        (labs / name / "rubrics.json").write_text("{not json")
    with pytest.raises(FaultsError) as caught:
        build(labs, out, seed=1)
    assert {fault.path.split("/")[0] for fault in caught.value.faults} == {"lab2", "lab3"}
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


@pytest.mark.parametrize("moment", ["training.spool.os.fsync", "training.dataset.split", "training.dataset.lab_split"])
def test_a_run_that_dies_leaves_nothing_behind(
    labs: Path, tmp_path: Path, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(moment, die)
    with pytest.raises(KeyboardInterrupt):
        build(labs, tmp_path / "data")
    assert list((tmp_path / "data").iterdir()) == []


def test_without_its_manifest_a_data_set_is_not_whole(
    labs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(labs, tmp_path)
    moved = Path.replace

    def die_at_the_second(self: Path, target: Path) -> Path:
        if target.name == "test.jsonl":
            raise KeyboardInterrupt
        return moved(self, target)

    monkeypatch.setattr(Path, "replace", die_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        build(labs, tmp_path, seed=1)
    with pytest.raises(FaultsError, match="missing-manifest"):
        read_dataset_manifest(tmp_path)


@pytest.mark.parametrize("name", ["train.jsonl", "test.jsonl"])
def test_verify_names_a_file_with_one_changed_byte(labs: Path, tmp_path: Path, name: str) -> None:
    build(labs, tmp_path)
    verify(tmp_path, labs)
    path = tmp_path / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(FaultsError) as caught:
        verify(tmp_path / "train.jsonl")
    (fault,) = caught.value.faults
    assert (fault.code, fault.path) == ("changed-output", str(path))


def test_verify_names_changed_labs_and_missing_files(labs: Path, tmp_path: Path) -> None:
    build(labs, tmp_path)
    (tmp_path / "test.jsonl").unlink()
    source = labs / "lab2" / "submissions" / "s003@course" / "main.c"
    source.write_text(source.read_text() + " ")
    with pytest.raises(FaultsError) as caught:
        verify(tmp_path, labs)
    assert [(fault.code, Path(fault.path).name) for fault in caught.value.faults] == [
        ("missing-output", "test.jsonl"),
        ("changed-lab", "lab2"),
    ]


def test_everything_wrong_with_what_was_asked_is_told_at_once(labs: Path, tmp_path: Path) -> None:
    with pytest.raises(FaultsError) as caught:
        build_dataset(
            labs,
            tmp_path / "a" / "x",
            tmp_path / "b" / "x",
            style=STYLE,
            eval_labs=["lab1", "lab9"],
            train_split=70,
            augment_attacks=2,
        )
    faults = {fault.code: fault for fault in caught.value.faults}
    assert set(faults) == {"unknown-eval-lab", "bad-output-paths", "bad-train-split", "bad-augment-attacks"}
    assert "'lab9'" in faults["unknown-eval-lab"].found
    assert faults["unknown-eval-lab"].expected == "one of lab1, lab2, lab3"
    with pytest.raises(FaultsError, match="no-labs"):
        build(tmp_path / "nowhere", tmp_path)


def test_no_student_id_is_written(labs: Path, tmp_path: Path) -> None:
    build(labs, tmp_path, reasoning=True)
    assert not any("s00" in (tmp_path / name).read_text() for name in OUTPUTS)


def test_a_lab_is_forgotten_before_the_next_is_read(
    labs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[weakref.ref[Lab]] = []
    alive: list[int] = []

    def watched(folder: Path) -> Validated:
        alive.append(sum(one() is not None for one in seen))
        found = read_lab(folder)
        assert found.lab is not None
        seen.append(weakref.ref(found.lab))
        return found

    monkeypatch.setattr("training.collected.read_lab", watched)
    build(labs, tmp_path)
    assert alive == [0, 0, 0]


@pytest.mark.parametrize("row_format", ["sft", "messages", "instruction"])
def test_the_other_formats_have_a_row_a_rating(labs: Path, tmp_path: Path, row_format: str) -> None:
    manifest = build(labs, tmp_path, row_format=row_format)
    lines = (tmp_path / "train.jsonl").read_text().splitlines()
    assert len(lines) == manifest.outputs["train.jsonl"].rows == 21 * 2
    assert all(json.loads(line) for line in lines)


def attacked_in(path: Path) -> set[tuple[str, str]]:
    return {(lab, one.removesuffix("+attack")) for lab, one in submissions_in(path) if one.endswith("+attack")}


def test_attacked_copies_are_only_trained_on_and_keep_the_ratings_of_the_ta(labs: Path, tmp_path: Path) -> None:
    manifest = build(labs, tmp_path, augment_attacks=1.0, eval_labs=["lab3"], option_order="given")
    trained = {(lab, one) for lab, sides in manifest.labs.items() for one in sides.train}
    assert attacked_in(tmp_path / "train.jsonl") == trained
    assert attacked_in(tmp_path / "test.jsonl") == set()
    assert manifest.attacks and manifest.attacks.copies == {"lab1": 7, "lab2": 7, "lab3": 0}
    assert read_dataset_manifest(tmp_path) == verify(tmp_path, labs) == manifest
    rows: dict[tuple[str, str, str], set[tuple[str, str]]] = {}
    programs: dict[tuple[str, str], set[str]] = {}
    for row in read_pairs(tmp_path / "train.jsonl"):
        rows.setdefault((row.lab, row.submission, row.criterion), set()).add((row.chosen, row.rejected))
        programs.setdefault((row.lab, row.submission), set()).add(row.prompt[: row.shared_chars])
    for lab, one in trained:
        for criterion in ("Does it compile?", "Is it readable?"):
            assert rows[lab, one, criterion] == rows[lab, one + "+attack", criterion]
        (clean,), (attacked,) = programs[lab, one], programs[lab, one + "+attack"]
        assert clean != attacked and clean.split("\nif")[1] in attacked


def test_the_share_of_attacked_copies_is_drawn_by_the_seed(labs: Path, tmp_path: Path) -> None:
    found = {}
    for run, seed in (("one", 0), ("two", 0), ("three", 1)):
        build(labs, tmp_path / run, augment_attacks=0.4, train_split=1.0, seed=seed)
        found[run] = attacked_in(tmp_path / run / "train.jsonl")
    assert found["one"] == found["two"] != found["three"]
    assert 4 <= len(found["one"]) <= 20


def test_without_attacks_the_files_are_those_of_a_build_that_knows_none(labs: Path, tmp_path: Path) -> None:
    build(labs, tmp_path / "none", augment_attacks=0.0)
    build(labs, tmp_path / "some", augment_attacks=1.0)
    assert "attack" not in (tmp_path / "none" / "manifest.json").read_text()
    clean = [row for row in read_pairs(tmp_path / "some" / "train.jsonl") if not row.submission.endswith("+attack")]
    assert clean == list(read_pairs(tmp_path / "none" / "train.jsonl"))
    assert (tmp_path / "some" / "test.jsonl").read_bytes() == (tmp_path / "none" / "test.jsonl").read_bytes()


def test_neither_pseudonyms_nor_the_order_of_rows_tell_who_is_who(
    labs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, splits = [], []
    for secret in ("one", "two", "one"):
        monkeypatch.setenv("GRADER_SECRET", str(tmp_path / f"{secret}.key"))
        out = tmp_path / secret
        manifest = build_dataset(labs, out / "train.jsonl", out / "test.jsonl", style=STYLE)
        rows.append([json.loads(line) for line in (out / "train.jsonl").read_text().splitlines()])
        splits.append(manifest.labs["lab1"].train)
    assert rows[0] == rows[2] and splits[0] == splits[2]
    assert not set(splits[0]) & set(splits[1])
    assert [row["prompt"] for row in rows[0]] == [row["prompt"] for row in rows[1]]  # the same work in the same order
    owner = {submission_key("lab1", f"s{i:03d}"): i for i in range(10)}
    students = [owner[row["submission"]] for row in rows[0] if row["lab"] == "lab1"]
    assert students != sorted(students)
