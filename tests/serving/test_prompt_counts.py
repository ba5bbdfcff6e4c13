"""A lab's prompts are counted without a model's weights, exactly as a grading then asks them."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from labs_schema.errors import ModelError
from labs_schema.models import Lab, SourceFile, Submission
from prompts.encode import PromptEncoder
from serving.engines.metered_engine import MeteredEngine
from serving.model.prompt_counts import count_lab, count_prompts


def test_what_is_counted_is_what_a_grader_then_asks(make_lab: Callable[..., Lab], fake_grader: Any) -> None:
    lab = make_lab(students=4)
    fake_grader.engine = meter = MeteredEngine(fake_grader.engine)
    fake_grader.verification_pass = False
    fake_grader.grade(lab, lab.submissions)
    counts = count_prompts(lab, fake_grader.encoder, fake_grader.style)
    assert (counts.submissions, counts.questions, counts.refused) == (4, 8, 0)
    assert counts.questions == meter.questions
    assert counts.prompt_tokens == meter.prompt_tokens
    assert counts.read_tokens == meter.read_tokens < 0.8 * counts.prompt_tokens


def test_what_does_not_fit_is_counted_and_costs_nothing(make_lab: Callable[..., Lab], fake_grader: Any) -> None:
    lab = make_lab(students=1)
    long = Submission(student="s9", folder="s9", files=(SourceFile(path="a.c", text="int a;\n" * 5000),))
    empty = Submission(student="s8", folder="s8", files=(SourceFile(path="a.c", text="\n"),))
    encoder = PromptEncoder(fake_grader.encoder._tokenizer, context_length=4000)
    counts = count_prompts(lab.model_copy(update={"submissions": (long, empty)}), encoder, fake_grader.style)
    assert (counts.submissions, counts.refused, counts.questions, counts.read_tokens) == (2, 2, 0, 0)


def test_who_has_no_network_counts_with_a_model_of_the_cache_and_is_told_at_once_of_another(
    make_lab: Callable[..., Lab], cached_model: str
) -> None:
    begun = time.monotonic()
    with pytest.raises(ModelError, match="mistyped/name: no such folder here, no such model in"):
        count_lab(make_lab(students=2), "mistyped/name")
    assert count_lab(make_lab(students=2), cached_model).questions == 4
    assert time.monotonic() - begun < 20
