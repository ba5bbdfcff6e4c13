import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labs_schema.errors import ModelError
from labs_schema.models import Lab
from prompts.manifest import write_manifest
from prompts.style import PromptStyle
from serving.calibration.calibration import write_calibration
from serving.model.loading import load_grader
from serving.model.weights_hash import weights_hashes
from serving.scoring.triage import Thresholds

STYLE = PromptStyle(template="compact", problem_chars=150)
MakeLab = Callable[..., Lab]


def test_the_grader_of_a_run_has_the_manifest_s_style_context_and_overlong_rule(run: Path, make_lab: MakeLab) -> None:
    grader = load_grader(run, engine="transformers")
    assert (grader.style, grader.encoder.context_length, grader.encoder.on_overlong) == (STYLE, 1024, "middle")
    lab = make_lab(students=2)
    grades = grader.grade(lab, lab.submissions)
    assert all(criterion.rating for grade in grades for criterion in grade.criteria)
    came_from = grades[0].provenance
    assert (came_from.engine, came_from.base_model) == ("transformers", "../base")
    assert came_from.model_hash == weights_hashes(str(run / "model"))[0]
    assert came_from.prompt_hash != came_from.tokenizer_hash


def test_a_program_graded_without_its_middle_goes_to_a_person(run: Path, make_lab: MakeLab) -> None:
    lab = make_lab(students=1)
    [short] = lab.submissions
    long = short.model_copy(update={"files": (short.files[0].model_copy(update={"text": "int x;\n" * 2000}),)})
    [whole, cut] = load_grader(run, engine="transformers").grade(lab, [short, long])
    assert all(criterion.rating and "middle" in criterion.review_reasons[0] for criterion in cut.criteria)
    assert not any("middle" in reason for criterion in whole.criteria for reason in criterion.review_reasons)


def test_another_tokenizer_than_that_of_the_training_is_refused(run: Path, chatml_tokenizer: Any) -> None:
    shutil.rmtree(run / "tokenizer")
    chatml_tokenizer.save_pretrained(run / "tokenizer")
    with pytest.raises(ModelError, match="tokenizer differ"):
        load_grader(run, engine="transformers")


def test_another_style_than_that_of_the_training_is_refused(run: Path) -> None:
    with pytest.raises(ModelError, match="another prompt style"):
        load_grader(run, engine="transformers", style=PromptStyle())


def test_an_untuned_model_takes_any_style(tiny_model_folder: Path) -> None:
    grader = load_grader(tiny_model_folder, engine="transformers", style=STYLE, context_length=512)
    assert (grader.style, grader.encoder.context_length, grader.encoder.on_overlong) == (STYLE, 512, "error")
    assert grader.identity.base_model == tiny_model_folder.name


def test_a_run_is_served_with_the_calibration_beside_its_manifest_and_merged_weights_with_their_own(
    run: Path, byte_tokenizer: Any, manifest_of: Any, calibration_of: Any
) -> None:
    for folder in (run, run / "merged"):
        folder.mkdir(exist_ok=True)
    shutil.copytree(run / "model", run / "merged", dirs_exist_ok=True)
    write_manifest(manifest_of(byte_tokenizer, STYLE, base_model="."), run / "merged")
    grader = load_grader(run, engine="transformers")
    assert (grader.calibration, grader.orders) == (None, 1)
    made_with = grader.graded_with.model_copy(update={"orders": 2})
    calibration = calibration_of(made_with, temperature=1.5, refused="too few")
    write_calibration(calibration, run)
    write_calibration(calibration.model_copy(update={"temperature": 1.6}), run / "merged")
    from_run, from_merged = (load_grader(path, engine="transformers") for path in (run, run / "merged"))
    assert (from_run.calibration, from_run.orders) == (calibration, 2)
    assert from_run.graded_with == made_with
    assert from_merged.calibration is not None and from_merged.calibration.temperature == 1.6
    assert load_grader(run, engine="transformers", thresholds=Thresholds()).calibration is None
    assert load_grader(run, engine="transformers", orders=3).orders == 3
