"""Checking program lengths before a course's model is loaded."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labs_schema.errors import OverlongError
from labs_schema.models import SourceFile, Submission
from prompts.manifest import ModelManifest, prompt_hash, tokenizer_hash, write_manifest
from prompts.style import PromptStyle
from serving.courses import length_check
from serving.courses.checking import check_model
from serving.courses.course_registry import Registration
from serving.courses.length_check import LIMITS, LengthCheck
from serving.grading.scoring_requests import MAX_CONTEXTS

CONTEXT = 1024
NewCourse = Callable[..., Registration]


def program(tokens: int) -> Submission:
    """A program with that many tokens."""
    return Submission(student="", folder="", files=(SourceFile(path="a.c", text="q9" * (tokens // 2)),))


@pytest.fixture
def new_course(tmp_path: Path, tiny_model_folder: Path, byte_tokenizer: Any) -> NewCourse:
    """Registers merged weights, then deletes them: the check must not read them."""

    def new(course: str, context_length: int = CONTEXT) -> Registration:
        model = tmp_path / course
        shutil.copytree(tiny_model_folder, model)
        manifest = ModelManifest(
            grader_version="0",
            base_model=".",
            tokenizer_hash=tokenizer_hash(byte_tokenizer),
            prompt_hash=prompt_hash(PromptStyle(), byte_tokenizer),
            style=PromptStyle(),
            context_length=context_length,
            option_order="given",
        )
        write_manifest(manifest, model)
        facts = check_model(model)
        (model / "model.safetensors").unlink()
        return Registration(seq=1, at="", course=course, model=str(model), labs=None, facts=facts)

    return new


def test_limit_depends_on_the_course_context_length(new_course: NewCourse) -> None:
    checks, one, wide = LengthCheck(), new_course("one"), new_course("wide", 2 * CONTEXT)
    most = MAX_CONTEXTS * CONTEXT
    checks.check(one, program(most - 2))
    checks.check(wide, program(most + 2))
    for course, limit in ((one, most), (wide, 2 * most)):
        with pytest.raises(OverlongError) as error:
            checks.check(course, program(limit + 2))
        assert error.value.available == limit


def test_tokenizers_are_read_for_long_programs_only_and_cached(
    new_course: NewCourse, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    load = length_check.load_tokenizer
    monkeypatch.setattr(length_check, "load_tokenizer", lambda source: (read.append(source), load(source))[1])
    checks, courses = LengthCheck(), [new_course("one"), new_course("two")]
    checks.check(courses[0], program(MAX_CONTEXTS * CONTEXT))
    assert not read  # few bytes are few tokens, whatever the tokenizer
    for course in courses * 2:
        refused(checks, course)
    assert len(read) == 1
    for i in range(LIMITS.cached_tokenizers):
        refused(checks, new_course(f"wide{i}", CONTEXT + 1 + i))
    refused(checks, courses[0])
    assert len(read) == 2 + LIMITS.cached_tokenizers and len(checks._encoders) == LIMITS.cached_tokenizers


def refused(checks: LengthCheck, course: Registration) -> None:
    with pytest.raises(OverlongError):
        checks.check(course, program(100 * CONTEXT))


def test_changed_model_refuses_no_program_and_is_read_once_per_registration(
    new_course: NewCourse, chatml_tokenizer: Any, byte_tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    load = length_check.load_tokenizer
    monkeypatch.setattr(length_check, "load_tokenizer", lambda source: (read.append(source), load(source))[1])
    checks, gone, other, good = LengthCheck(), new_course("gone"), new_course("other"), new_course("good")
    shutil.rmtree(gone.model)
    chatml_tokenizer.save_pretrained(other.model)
    for course in (gone, other, gone, other):
        checks.check(course, program(100 * CONTEXT))
    assert read == [other.model]
    byte_tokenizer.save_pretrained(other.model)
    checks.check(other, program(100 * CONTEXT))
    for course in (good, other.model_copy(update={"seq": 2})):
        refused(checks, course)
