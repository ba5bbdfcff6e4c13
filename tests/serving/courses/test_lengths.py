"""A program that is too long for a course is known before the course's model is loaded."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labs_schema.errors import OverlongError
from labs_schema.models import SourceFile, Submission
from prompts.manifest import ModelManifest, prompt_hash, tokenizer_hash, write_manifest
from prompts.style import PromptStyle
from serving.courses import lengths
from serving.courses.checking import check_model
from serving.courses.lengths import MOST, CourseLengths
from serving.courses.registration import Registration
from serving.grading.program_length import READABLE

CONTEXT = 1024
NewCourse = Callable[..., Registration]


def program(tokens: int) -> Submission:
    """Of as many tokens, and some more characters."""
    return Submission(student="", folder="", files=(SourceFile(path="a.c", text="q9" * (tokens // 2)),))


@pytest.fixture
def new_course(tmp_path: Path, tiny_model_folder: Path, byte_tokenizer: Any) -> NewCourse:
    """Registers merged weights that are then taken away: nothing here may read them."""

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


def test_a_program_is_too_long_by_the_tokenizer_and_the_context_of_its_course(new_course: NewCourse) -> None:
    checks, one, wide = CourseLengths(), new_course("one"), new_course("wide", 2 * CONTEXT)
    most = READABLE * CONTEXT
    checks.check(one, program(most - 2))
    checks.check(wide, program(most + 2))
    for course, limit in ((one, most), (wide, 2 * most)):
        with pytest.raises(OverlongError) as told:
            checks.check(course, program(limit + 2))
        assert told.value.available == limit


def test_a_tokenizer_is_read_once_for_all_courses_that_have_it_for_long_programs_only_and_few_are_kept(
    new_course: NewCourse, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    load = lengths.load_tokenizer
    monkeypatch.setattr(lengths, "load_tokenizer", lambda source: (read.append(source), load(source))[1])
    checks, courses = CourseLengths(), [new_course("one"), new_course("two")]
    checks.check(courses[0], program(READABLE * CONTEXT))
    assert not read  # few bytes are few tokens, whatever the tokenizer
    for course in courses * 2:
        refused(checks, course)
    assert len(read) == 1
    for i in range(MOST):
        refused(checks, new_course(f"wide{i}", CONTEXT + 1 + i))
    refused(checks, courses[0])
    assert len(read) == 2 + MOST and len(checks._encoders) == MOST


def refused(checks: CourseLengths, course: Registration) -> None:
    with pytest.raises(OverlongError):
        checks.check(course, program(100 * CONTEXT))


def test_a_model_that_is_not_what_was_registered_keeps_no_program_out_and_is_looked_at_once_a_registration(
    new_course: NewCourse, chatml_tokenizer: Any, byte_tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    load = lengths.load_tokenizer
    monkeypatch.setattr(lengths, "load_tokenizer", lambda source: (read.append(source), load(source))[1])
    checks, gone, other, good = CourseLengths(), new_course("gone"), new_course("other"), new_course("good")
    shutil.rmtree(gone.model)
    chatml_tokenizer.save_pretrained(other.model)
    for course in (gone, other, gone, other):
        checks.check(course, program(100 * CONTEXT))
    assert read == [other.model]
    byte_tokenizer.save_pretrained(other.model)
    checks.check(other, program(100 * CONTEXT))
    for course in (good, other.model_copy(update={"seq": 2})):
        refused(checks, course)
