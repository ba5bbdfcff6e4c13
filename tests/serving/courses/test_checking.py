"""A model that differs from its registration is refused; other courses are not affected."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labs_schema.models import Lab
from prompts.manifest import prompt_hash, read_manifest, tokenizer_hash, write_manifest
from prompts.style import PromptStyle
from serving.calibration.calibration import Calibration, GradedWith, write_calibration
from serving.courses.checking import check_model
from serving.courses.course_registry import CourseRegistry
from serving.courses.errors import CourseRefusedError
from serving.courses.loading import CourseLoader
from serving.courses.model_pool import CourseModelPool
from serving.model.loading import GraderOptions
from serving.store.store import Store
from tests.harness.errors import raises_code

STYLE = PromptStyle(template="compact", problem_chars=150)


@pytest.fixture
def run(tmp_path: Path, tiny_model_folder: Path, byte_tokenizer: Any, manifest_of: Any) -> Path:
    """A finished run with full weights."""
    folder = tmp_path / "secret" / "run"
    shutil.copytree(tiny_model_folder, folder / "model")
    byte_tokenizer.save_pretrained(folder / "tokenizer")
    write_manifest(manifest_of(byte_tokenizer, STYLE, base_licence="Apache-2.0"), folder)
    return folder


def other_weights(run: Path, _: Any) -> None:
    weights = run / "model" / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)


def other_tokenizer(run: Path, chatml: Any) -> None:
    shutil.rmtree(run / "tokenizer")
    chatml.save_pretrained(run / "tokenizer")


def other_tokenizer_and_manifest(run: Path, chatml: Any) -> None:
    other_tokenizer(run, chatml)
    hashes = {"tokenizer_hash": tokenizer_hash(chatml), "prompt_hash": prompt_hash(STYLE, chatml)}
    write_manifest(read_manifest(run).model_copy(update=hashes), run)


def other_template(run: Path, _: Any) -> None:
    write_manifest(read_manifest(run).model_copy(update={"style": PromptStyle()}), run)


def other_base(run: Path, _: Any) -> None:
    write_manifest(read_manifest(run).model_copy(update={"base_model": "../another"}), run)


def calibrated(run: Path, _: Any) -> None:
    made_with = GradedWith(weights="w", tokenizer="t", prompts="p", orders=1, verification_pass=True)
    calibration = Calibration(
        grader_version="0",
        made="2026-11-21T00:00:00+00:00",
        graded_with=made_with,
        temperature=1.5,
        labs={},
        guarantee=None,
        students=1,
        decisions=1,
        submissions=(),
    )
    write_calibration(calibration, run)


def gone(run: Path, _: Any) -> None:
    shutil.rmtree(run)


GONE = "it is missing, damaged or not merged"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (other_weights, "registered: weights"),
        (other_tokenizer, "trained with other tokenizer, prompts"),
        (other_tokenizer_and_manifest, "registered: tokenizer, prompts"),
        (other_template, "trained with other prompts"),
        (other_base, "registered: base model"),
        (calibrated, "registered: calibration"),
        (gone, GONE),
    ],
)
def test_changed_model_is_refused_and_other_courses_are_not(
    change: Callable[[Path, Any], None],
    reason: str,
    run: Path,
    store: Store,
    chatml_tokenizer: Any,
    make_lab: Callable[..., Lab],
) -> None:
    registry, facts = CourseRegistry(store.database), check_model(run)
    good = run.with_name("good")
    shutil.copytree(run, good)
    registry.add("cs101", str(run), None, facts, actor="me")
    registry.add("cs102", str(good), None, facts, actor="me")
    change(run, chatml_tokenizer)
    pool = CourseModelPool(registry.registered, CourseLoader(GraderOptions(engine="transformers")).check, max_bases=2)
    with pytest.raises(CourseRefusedError) as refused:
        pool.load("cs101")
    assert reason in refused.value.reason and "secret" not in refused.value.reason
    assert "secret" in str(refused.value)
    lab = make_lab(students=1)
    [grade] = pool.load("cs102").grade(lab, lab.submissions)
    assert all(criterion.rating for criterion in grade.criteria)
    pool.close()


def test_facts_contain_base_licence_and_hashes(run: Path, byte_tokenizer: Any) -> None:
    facts = check_model(run)
    assert (facts.base_model, facts.licence, facts.calibration_hash) == ("../base", "Apache-2.0", None)
    assert facts.tokenizer_hash == tokenizer_hash(byte_tokenizer)


def test_unsuitable_models_cannot_be_registered(
    run: Path, tmp_path: Path, tiny_model_folder: Path, chatml_tokenizer: Any
) -> None:
    with raises_code("model-not-found"):
        check_model(tmp_path / "nothing")
    with raises_code("not-a-run", r"manifest\.json"):
        check_model(tiny_model_folder)
    write_manifest(read_manifest(run).model_copy(update={"base_model": "model", "adapter": "adapter"}), run)
    with raises_code("bad-adapter"):
        check_model(run)
    (run / "adapter").mkdir()
    (run / "adapter" / "adapter_config.json").write_text('{"r": 8}')
    with raises_code("bad-adapter"):
        check_model(run)
    other_tokenizer(run, chatml_tokenizer)
    with raises_code("model-differs", "tokenizer"):
        check_model(run)
