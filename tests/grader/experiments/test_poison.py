"""Poisoned training data and the grid of a robustness series."""

import json
from pathlib import Path

import pytest

from grader.experiments.robustness.grid import grid
from grader.experiments.robustness.poison import poison_labels, poison_prompts, write_poisoned
from labs_schema.errors import InputError
from labs_schema.models import Lab
from prompts.style import PromptStyle
from prompts.verdict import parse_verdict
from tests.harness.courses.lab_folders import write_lab
from training.dataset.build import DatasetOptions, build_dataset
from training.dataset.pairs import PromptOptions, rated_submissions
from training.dataset.row_formats import PairRow, dpo, read_pairs
from training.run.mixture import open_dataset

STYLE = PromptStyle()


def rows_of(lab: Lab, *, reasoning: bool = False) -> list[PairRow]:
    options = PromptOptions(style=STYLE, reasoning=reasoning)
    rated = (each for _, prompts in rated_submissions(lab, options) for each in prompts)
    return [PairRow.model_validate(row) for each in rated for row in dpo(each)]


def decisions(rows: list[PairRow]) -> dict[tuple[str, str], list[PairRow]]:
    found: dict[tuple[str, str], list[PairRow]] = {}
    for row in rows:
        found.setdefault((row.submission, row.criterion), []).append(row)
    return found


def test_swapped_label_prefers_another_rating(make_lab) -> None:
    clean = rows_of(make_lab(students=30), reasoning=True)
    bad, poison = poison_labels(clean, 0.5, 0)
    before, after = decisions(clean), decisions(bad)
    swapped = {(s.submission, s.criterion): s for s in poison.swaps}
    assert poison.units == len(before) == 60 and poison.poisoned == len(swapped)
    for key, rows in before.items():
        now = after[key]
        verdicts = {rows[0].chosen, *(row.rejected for row in rows)}
        assert {now[0].chosen, *(row.rejected for row in now)} == verdicts
        assert len({row.chosen for row in now}) == 1 and len({row.rejected for row in now}) == len(rows)
        assert (now != rows) == (key in swapped)
        if key in swapped:
            letter = parse_verdict(now[0].chosen).letter
            assert now[0].options["ABC".index(letter)] == swapped[key].preferred != swapped[key].given
            assert rows[0].chosen in {row.rejected for row in now}


def test_poison_at_p_is_a_subset_of_poison_at_higher_p(
    make_lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The draws depend on pseudonyms: with a random key the shares miss their bounds in 1 of 100 runs.
    (tmp_path / "fixed.key").write_bytes(b"0" * 32)
    monkeypatch.setenv("GRADER_SECRET", str(tmp_path / "fixed.key"))
    rows = rows_of(make_lab(students=200))
    few, more = (poison_labels(rows, p, 3).poison.swaps for p in (0.1, 0.33))
    assert set(few) < set(more)
    assert len(few) / 400 == pytest.approx(0.1, abs=0.04) and len(more) / 400 == pytest.approx(0.33, abs=0.06)
    backwards = [row for rows in reversed(decisions(rows).values()) for row in rows]
    assert set(poison_labels(backwards, 0.1, 3).poison.swaps) == set(few)
    assert set(poison_labels(rows, 0.1, 4).poison.swaps) != set(few)


def test_p_of_0_changes_nothing_and_1_everything(make_lab) -> None:
    lab = make_lab(students=8)
    rows = rows_of(lab)
    assert poison_labels(rows, 0, 0).rows == rows
    assert poison_labels(rows, 1, 0).poison.poisoned == 16
    assert poison_prompts(rows, {"lab1": lab}, PromptOptions(style=STYLE), 0, 0).rows == rows
    assert poison_prompts(rows, {"lab1": lab}, PromptOptions(style=STYLE), 1, 0).poison.poisoned == 8


def test_injection_changes_the_shared_prefix_and_no_label(make_lab) -> None:
    lab = make_lab(students=20)
    clean = rows_of(lab)
    bad, poison = poison_prompts(clean, {"lab1": lab}, PromptOptions(style=STYLE), 0.5, 0)
    attacked = {each.submission for each in poison.injections}
    assert 0 < len(attacked) < 20 and poison.units == 20
    for old, new in zip(clean, bad, strict=True):
        assert (new.chosen, new.rejected) == (old.chosen, old.rejected)
        assert new.prompt[new.shared_chars :] == old.prompt[old.shared_chars :]
        assert (len(new.prompt) > len(old.prompt)) == (new.submission in attacked)
    assert len({row.prompt[: row.shared_chars] for row in bad}) == 20


def test_poisoned_dataset_can_be_opened(tmp_path, make_lab) -> None:
    lab = make_lab(students=12)
    write_lab(lab, tmp_path / "labs" / "lab1")
    paths = tmp_path / "data" / "train.jsonl", tmp_path / "data" / "test.jsonl"
    build_dataset(tmp_path / "labs", *paths, DatasetOptions(style=STYLE))
    for p in (0.0, 0.9):
        out = tmp_path / f"poisoned-{p}"
        poison = write_poisoned("labels", p, 0, dataset=tmp_path / "data", labs={"lab1": lab}, out=out)
        opened = open_dataset(out)
        same = opened.path.read_bytes() == (tmp_path / "data" / "train.jsonl").read_bytes()
        assert same == (p == 0)
        assert len([*read_pairs(opened.path)]) == len([*read_pairs(tmp_path / "data" / "train.jsonl")])
        assert len(json.loads((out / "poison.json").read_text())["swaps"]) == poison.poisoned


def test_grid_is_ordered_by_seed() -> None:
    names = [cell.name for cell in grid("labels", "0.1,0", "sigmoid,robust", 2)]
    assert names[:3] == ["labels-p0-seed0-sigmoid", "labels-p0-seed0-robust", "labels-p0.1-seed0-sigmoid"]
    assert len(names) == 8 and names[4].startswith("labels-p0-seed1")


def test_invalid_grid_reports_all_issues() -> None:
    with pytest.raises(InputError) as raised:
        grid("labels", "0,x,2", "sigmoid,nosuch", 1)
    assert [issue.code for issue in raised.value.issues] == ["bad-p", "bad-p", "bad-loss"]
