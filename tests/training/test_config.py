"""The YAML of a run: overrides, and an issue for every error."""

import shlex
from pathlib import Path

import pytest

from labs_schema.errors import InputError
from prompts.base_models import PRESETS
from tests.harness.errors import raises_code
from training.config import RunConfig, dump_config, load_config

RUNS = sorted((Path(__file__).parents[2] / "training" / "recipes").glob("*.yaml"))
SMALL = "model: m\ndataset: d\nsft: {learning_rate: 0.001}\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "run.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.stem)
def test_every_recipe_is_valid_and_starts_with_its_own_command(path: Path) -> None:
    command = shlex.split(path.read_text().splitlines()[0].removeprefix("#"))
    assert command[-3:] == ["train", "--config", f"training/recipes/{path.name}"]
    config = load_config(path)
    assert config.head or (config.sft and config.dpo)
    assert config.model in PRESETS


def test_flags_and_overrides_take_precedence_over_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, SMALL)
    config = load_config(path, {"seed": 7, "model": None}, ["dpo.beta=0.2", "sft.learning_rate=1e-2", "bf16=false"])
    assert (config.model, config.seed, config.bf16) == ("m", 7, False)
    assert config.dpo is not None and config.dpo.beta == 0.2
    assert config.sft is not None and config.sft.learning_rate == 0.01


def test_all_issues_are_reported_with_field_and_value(tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised:
        load_config(write(tmp_path, SMALL + "lora_rank: 8\nseed: many\ndpo: {beta: -1}\n"))
    text = str(raised.value)
    assert len(raised.value.issues) == 3
    assert "lora_rank" in text and "'many' in `seed`" in text and "-1 in `dpo.beta`" in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model: m\ndataset: d\n", "needs an sft, a dpo or a head section"),
        ("model: m\ndataset: d\nsft: {method: lora}\ndpo: {method: full}\n", "cannot follow"),
        ("model: m\ndataset: d\nload_in_4bit: true\nsft: {method: full}\n", "cannot be combined with method full"),
        ("- a list\n", "found a list"),
        ("a: [\n", "expected the YAML file of a run"),
    ],
)
def test_invalid_combinations_are_rejected(tmp_path: Path, text: str, message: str) -> None:
    with raises_code("run-config", message):
        load_config(write(tmp_path, text))


def test_stage_flags_apply_to_the_stages_in_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, SMALL + "dpo: {packing: tree}\n")
    config = load_config(path, stage_flags={"packing": "none", "tokens_per_step": None}, overrides=["sft.packing=tree"])
    assert config.dpo and config.sft and (config.sft.packing, config.dpo.packing) == ("tree", "none")
    assert load_config(write(tmp_path, SMALL), stage_flags={"tokens_per_step": 500}).dpo is None


def test_a_missing_file_and_invalid_overrides_are_issues(tmp_path: Path) -> None:
    with raises_code("run-config"):
        load_config(tmp_path / "none.yaml")
    with raises_code("run-config") as raised:
        load_config(write(tmp_path, SMALL), {}, ["dpo.beta", "seed=[", "bf16=false"])
    assert [issue.found for issue in raised.value.issues] == ["dpo.beta", "seed=["]


def test_a_dumped_config_is_read_back_unchanged(tmp_path: Path) -> None:
    config = RunConfig.model_validate({"model": "m", "dataset": "d", "sft": {"lm_weight": 0.5}, "dpo": {}})
    assert load_config(write(tmp_path, dump_config(config))) == config
