"""The checks of the sample labs, and those of eleven C labs that the measurement of evidence uses.

Each folder has a reference solution; the sample labs' checks are in labs/."""

from pathlib import Path

import pytest
import regex

from labs_schema.checks.models import Compare
from labs_schema.checks.reading import load_checks

HERE = Path(__file__).parent
SAMPLES = HERE.parents[1] / "labs"
NAMES = sorted(folder.name for folder in HERE.iterdir() if (folder / "checks.yaml").exists())
SAMPLE_NAMES = sorted(folder.name for folder in SAMPLES.iterdir() if folder.is_dir())
FOLDERS = {name: HERE / name for name in NAMES} | {name: SAMPLES / name for name in SAMPLE_NAMES}


@pytest.mark.parametrize("lab", FOLDERS)
def test_a_lab_has_eight_inputs_ordinary_and_boundary_ones(lab):
    tests = load_checks(FOLDERS[lab]).tests
    assert len({test.stdin for test in tests}) >= 8
    assert {"ordinary", "boundary"} <= {tag for test in tests for tag in test.tags}


@pytest.mark.parametrize("lab", FOLDERS)
def test_a_program_that_prints_nothing_passes_no_test(lab):
    for test in load_checks(FOLDERS[lab]).tests:
        found = regex.search(test.stdout, "") if test.compare is Compare.REGEX else not test.stdout.strip()
        assert not found, test.name


@pytest.mark.parametrize("lab", NAMES)
def test_values_are_found_in_the_exact_output_and_not_in_one_as_long(lab):
    tests = load_checks(FOLDERS[lab]).tests
    exact = {test.stdin: test.stdout for test in tests if "format" in test.tags}
    for test in tests:
        if "format" not in test.tags and test.stdin in exact:
            answer = exact[test.stdin]
            others = {each for each in exact.values() if len(each.split()) == len(answer.split()) and each != answer}
            assert regex.search(test.stdout, answer), test.name
            assert not any(regex.search(test.stdout, each) for each in others), test.name
