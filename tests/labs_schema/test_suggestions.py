"""Hints suggest the similar name for misspelled criteria, ratings, columns, keys, languages and labs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labs_schema.errors import InputError, did_you_mean
from labs_schema.reading.validate import lab_folders, read_lab
from tests.harness.courses.lab_folders import write_lab


@pytest.mark.parametrize(
    ("name", "known", "suggestion"),
    [
        ("Readabilityy", ["Readability", "Correctness"], " Did you mean 'Readability'?"),
        ("readability", ["Readability"], " Did you mean 'Readability'?"),
        ("Style", ["Readability", "Correctness"], ""),
        ("Style", ["Style"], ""),
        ("a", [], ""),
    ],
)
def test_did_you_mean(name: str, known: list[str], suggestion: str) -> None:
    assert did_you_mean(name, known) == suggestion


def hints(lab: Path, code: str) -> str:
    return " ".join(issue.hint for issue in read_lab(lab).issues if issue.code == code)


@pytest.mark.parametrize(
    ("file", "old", "new", "code", "suggested"),
    [
        ("rubrics.json", "Is it readable?", "Is it readablee?", "criterion-twice", "Is it readablee?"),
        ("rubrics.json", "Is it readable?", "Is it legible?", "criterion-twice", "Is it legible?"),
        ("rubrics.json", "Is it readable?", "Is it readablee?", "criterion-without-column", "Is it readable?"),
        ("rubrics.json", '"description"', '"descriptionn"', "unknown-key", "description"),
        ("language.txt", "", "Pythonn\n", "unknown-language", "Python"),
        ("roster.csv", "", "emial,group\nx,1\n", "roster-columns", "email"),
        ("rubric.json", "", "[]", "stray-file", "rubrics.json"),
    ],
)
def test_misspelled_names_in_a_lab_get_a_suggestion(
    tmp_path: Path, make_lab: Callable[..., Any], file: str, old: str, new: str, code: str, suggested: str
) -> None:
    lab = tmp_path / "lab1"
    write_lab(make_lab(), lab)
    text = (lab / file).read_text() if old else ""
    assert old in text
    (lab / file).write_text(text.replace(old, new) if old else new)
    assert f"Did you mean '{suggested}'?" in hints(lab, code)


def test_misspelled_column_of_a_rater_table_gets_a_suggestion(tmp_path: Path, make_lab: Callable[..., Any]) -> None:
    lab = tmp_path / "lab1"
    write_lab(make_lab(), lab)
    table = (lab / "rubric_ratings.csv").read_text().replace("Is it readable?", "Is it readablee?")
    (lab / "rubric_ratings.ann.csv").write_text(table)
    assert "Did you mean 'Is it readable?'?" in hints(lab, "rater-column")


def test_misspelled_lab_folder_gets_a_suggestion(tmp_path: Path) -> None:
    (tmp_path / "longest_word").mkdir()
    with pytest.raises(InputError) as error:
        lab_folders(tmp_path / "longest_wrd")
    assert "Did you mean 'longest_word'?" in error.value.issues[0].hint
