"""Jupyter notebooks: which of their cells are the program."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labs_schema.errors import IssueCollector
from labs_schema.models import Criterion, Rating
from labs_schema.submissions.archives import UnreadFile
from labs_schema.submissions.notebooks import asks_about_text
from labs_schema.submissions.source_files import ReadingRules, read_source_files
from tests.labs_schema.submissions.uploads import codes, paths, put, read_folder

NOTEBOOK = {
    "cells": [
        {"cell_type": "markdown", "source": ["# Square\n", "by hand"]},
        {"cell_type": "code", "source": ["n = int(input())\n", "print(n * n)"], "outputs": [{"text": "4"}]},
    ],
    "metadata": {"kernelspec": {"language": "python", "name": "python3"}},
    "nbformat": 4,
}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (NOTEBOOK, "# %% cell 2\nn = int(input())\nprint(n * n)\n"),
        ({"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code", "input": "x = 1", "language": "python"}]}]},
         "# %% cell 1\nx = 1\n"),
        ({"cells": []}, ""),
    ],
)  # fmt: skip
def test_code_cells_of_a_notebook_are_the_program(tmp_path: Path, content: object, expected: str) -> None:
    found, issues = read_folder(put(tmp_path, {"a.ipynb": json.dumps(content).encode()}))
    assert [(file.path, file.text) for file in found.files] == [("a.ipynb", expected)]
    assert codes(issues) == ([] if expected else ["empty-file"])


def test_text_cells_are_read_if_the_rubric_asks_about_text(tmp_path: Path) -> None:
    put(tmp_path, {"a.ipynb": json.dumps(NOTEBOOK).encode()})
    found, _ = read_folder(tmp_path, ReadingRules(text_cells=True))
    assert found.files[0].text.startswith("# %% cell 1 (text)\n# # Square\n# by hand\n\n# %% cell 2\nn = ")
    ratings = (Rating(title="A", description="Names say what they hold"), Rating(title="B"))
    assert not asks_about_text([Criterion(title="Readable?", ratings=ratings)])
    assert asks_about_text([Criterion(title="Are the results explained?", ratings=ratings)])


def test_kernel_decides_the_language_of_a_notebook(tmp_path: Path) -> None:
    content = NOTEBOOK | {"metadata": {"language_info": {"name": "R"}}}
    assert paths(read_folder(put(tmp_path, {"a.ipynb": json.dumps(content).encode()}))[0]) == ["a.ipynb.r"]


values = st.none() | st.integers() | st.text(max_size=5) | st.lists(st.text(max_size=5) | st.none(), max_size=2)
kinds = values | st.sampled_from(["code", "markdown"])
cells = values | st.lists(
    values | st.fixed_dictionaries({}, optional={"cell_type": kinds, "source": values, "input": values}), max_size=3
)
metadata = values | st.fixed_dictionaries({}, optional={"kernelspec": values, "language_info": values})
sheets = values | st.lists(values | st.fixed_dictionaries({}, optional={"cells": cells}), max_size=2)
contents = values | st.fixed_dictionaries({}, optional={"cells": cells, "worksheets": sheets, "metadata": metadata})


@given(contents)
def test_any_json_is_a_notebook_or_reported(content: object) -> None:
    issues = IssueCollector("lab")
    data = json.dumps(content).encode()
    found = read_source_files(iter([UnreadFile("a.ipynb", lambda n: data[:n])]), "s1", issues)
    assert bool(found.files) != ("bad-notebook" in codes(issues))
