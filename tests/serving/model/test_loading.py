import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from labs_schema.models import Lab
from prompts.manifest import write_manifest
from prompts.style import PromptStyle
from serving.calibration.calibration import write_calibration
from serving.model.loading import GraderOptions, load_grader
from serving.model.weights import weights_hashes
from serving.scoring.triage import Thresholds
from tests.harness.errors import raises_code

STYLE = PromptStyle(template="compact", problem_chars=150)
MakeLab = Callable[..., Lab]
TRANSFORMERS = GraderOptions(engine="transformers")


def test_style_context_and_overlong_rule_come_from_the_manifest(run: Path, make_lab: MakeLab) -> None:
    grader = load_grader(run, TRANSFORMERS)
    assert (grader.style, grader.encoder.context_length, grader.encoder.on_overlong) == (STYLE, 1024, "middle")
    lab = make_lab(students=2)
    grades = grader.grade(lab, lab.submissions)
    assert all(criterion.rating for grade in grades for criterion in grade.criteria)
    came_from = grades[0].provenance
    assert (came_from.engine, came_from.base_model) == ("transformers", "../base")
    assert came_from.model_hash == weights_hashes(str(run / "model"))[0]
    assert came_from.prompt_hash != came_from.tokenizer_hash


def test_a_truncated_program_goes_to_human_review(run: Path, make_lab: MakeLab) -> None:
    lab = make_lab(students=1)
    [short] = lab.submissions
    long = short.model_copy(update={"files": (short.files[0].model_copy(update={"text": "int x;\n" * 2000}),)})
    [complete, cut] = load_grader(run, TRANSFORMERS).grade(lab, [short, long])
    assert all(criterion.rating and "middle" in criterion.review_reasons[0] for criterion in cut.criteria)
    assert not any("middle" in reason for criterion in complete.criteria for reason in criterion.review_reasons)


def test_a_tokenizer_that_differs_from_the_manifest_is_rejected(run: Path, chatml_tokenizer: Any) -> None:
    shutil.rmtree(run / "tokenizer")
    chatml_tokenizer.save_pretrained(run / "tokenizer")
    with raises_code("model-differs", "tokenizer"):
        load_grader(run, TRANSFORMERS)


def test_a_prompt_style_that_differs_from_the_manifest_is_rejected(run: Path) -> None:
    with raises_code("other-prompt-style"):
        load_grader(run, TRANSFORMERS, style=PromptStyle())


def test_an_untuned_model_accepts_any_style(tiny_model_folder: Path) -> None:
    grader = load_grader(tiny_model_folder, GraderOptions(engine="transformers", context_length=512), style=STYLE)
    assert (grader.style, grader.encoder.context_length, grader.encoder.on_overlong) == (STYLE, 512, "error")
    assert grader.identity.base_model == tiny_model_folder.name


def test_the_calibration_is_read_from_the_opened_folder(
    run: Path, byte_tokenizer: Any, manifest_of: Any, calibration_of: Any
) -> None:
    for folder in (run, run / "merged"):
        folder.mkdir(exist_ok=True)
    shutil.copytree(run / "model", run / "merged", dirs_exist_ok=True)
    write_manifest(manifest_of(byte_tokenizer, STYLE, base_model="."), run / "merged")
    grader = load_grader(run, TRANSFORMERS)
    assert (grader.calibration, grader.orders) == (None, 1)
    made_with = grader.graded_with.model_copy(update={"orders": 2})
    calibration = calibration_of(made_with, temperature=1.5, refused="too few")
    write_calibration(calibration, run)
    write_calibration(calibration.model_copy(update={"temperature": 1.6}), run / "merged")
    from_run, from_merged = (load_grader(path, TRANSFORMERS) for path in (run, run / "merged"))
    assert (from_run.calibration, from_run.orders) == (calibration, 2)
    assert from_run.graded_with == made_with
    assert from_merged.calibration is not None and from_merged.calibration.temperature == 1.6
    assert load_grader(run, GraderOptions(engine="transformers", thresholds=Thresholds())).calibration is None
    assert load_grader(run, GraderOptions(engine="transformers", orders=3)).orders == 3
