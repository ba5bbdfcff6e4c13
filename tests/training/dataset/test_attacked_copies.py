"""Attacked copies in the training file."""

from pathlib import Path
from typing import Any

from training.dataset.manifest import read_dataset_manifest, verify_dataset
from training.dataset.row_formats import read_pairs


def attacked_in(path: Path) -> set[tuple[str, str]]:
    """Lab and pseudonym of each submission that has an attacked copy there."""
    rows = read_pairs(path)
    return {(row.lab, row.submission.removesuffix("+attack")) for row in rows if row.submission.endswith("+attack")}


def test_attacked_copies_are_in_training_only_with_the_tas_ratings(build: Any, labs: Path, tmp_path: Path) -> None:
    manifest = build(labs, tmp_path, augment_attacks=1.0, eval_labs=["lab3"], option_order="given")
    trained = {(lab, one) for lab, sides in manifest.labs.items() for one in sides.train}
    assert attacked_in(tmp_path / "train.jsonl") == trained
    assert attacked_in(tmp_path / "test.jsonl") == set()
    assert manifest.attacks and manifest.attacks.copies == {"lab1": 7, "lab2": 7, "lab3": 0}
    assert read_dataset_manifest(tmp_path) == verify_dataset(tmp_path, labs) == manifest
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


def test_the_seed_draws_the_attacked_copies(build: Any, labs: Path, tmp_path: Path) -> None:
    found = {}
    for run, seed in (("one", 0), ("two", 0), ("three", 1)):
        build(labs, tmp_path / run, augment_attacks=0.4, train_split=1.0, seed=seed)
        found[run] = attacked_in(tmp_path / run / "train.jsonl")
    assert found["one"] == found["two"] != found["three"]
    assert 4 <= len(found["one"]) <= 20


def test_attacked_copies_do_not_change_other_rows(build: Any, labs: Path, tmp_path: Path) -> None:
    build(labs, tmp_path / "none", augment_attacks=0.0)
    build(labs, tmp_path / "some", augment_attacks=1.0)
    assert "attack" not in (tmp_path / "none" / "manifest.json").read_text()
    clean = [row for row in read_pairs(tmp_path / "some" / "train.jsonl") if not row.submission.endswith("+attack")]
    assert clean == list(read_pairs(tmp_path / "none" / "train.jsonl"))
    assert (tmp_path / "some" / "test.jsonl").read_bytes() == (tmp_path / "none" / "test.jsonl").read_bytes()
