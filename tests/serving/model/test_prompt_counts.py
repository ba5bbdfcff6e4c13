"""Prompt counts equal the prompts that grading sends to the engine."""

import time
from collections.abc import Callable
from typing import Any

from labs_schema.models import Lab, SourceFile, Submission
from prompts.encode import PromptEncoder
from serving.engines.prefixes import MeteredEngine
from serving.model.prompt_counts import count_lab, count_prompts
from tests.harness.errors import raises_code


def test_counts_equal_the_prompts_that_grading_sends(make_lab: Callable[..., Lab], fake_grader: Any) -> None:
    lab = make_lab(students=4)
    fake_grader.engine = meter = MeteredEngine(fake_grader.engine)
    fake_grader.verification_pass = False
    fake_grader.grade(lab, lab.submissions)
    counts = count_prompts(lab, fake_grader.encoder, fake_grader.style)
    assert (counts.submissions, counts.questions, counts.refused) == (4, 8, 0)
    assert counts.questions == meter.questions
    assert counts.prompt_tokens == meter.prompt_tokens
    assert counts.uncached_tokens == meter.uncached_tokens < 0.8 * counts.prompt_tokens


def test_overlong_and_empty_submissions_cost_no_prompts(make_lab: Callable[..., Lab], fake_grader: Any) -> None:
    lab = make_lab(students=1)
    long = Submission(student="s9", folder="s9", files=(SourceFile(path="a.c", text="int a;\n" * 5000),))
    empty = Submission(student="s8", folder="s8", files=(SourceFile(path="a.c", text="\n"),))
    encoder = PromptEncoder(fake_grader.encoder._tokenizer, context_length=4000)
    counts = count_prompts(lab.model_copy(update={"submissions": (long, empty)}), encoder, fake_grader.style)
    assert (counts.submissions, counts.refused, counts.questions, counts.uncached_tokens) == (2, 2, 0, 0)


def test_counting_offline_uses_the_cache_and_fails_fast_without_it(
    make_lab: Callable[..., Lab], cached_model: str
) -> None:
    started = time.monotonic()
    with raises_code("model-not-found", "mistyped/name"):
        count_lab(make_lab(students=2), "mistyped/name")
    assert count_lab(make_lab(students=2), cached_model).questions == 4
    assert time.monotonic() - started < 20
