"""The configs for `accelerate launch` are valid, and each starts with its own command."""

import shlex
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "training" / "recipes" / "accelerate"
EXPECTED = {
    "ddp_8gpu.yaml": ("MULTI_GPU", 8, 1),
    "fsdp2_8gpu.yaml": ("FSDP", 8, 1),
    "deepspeed_zero2.yaml": ("DEEPSPEED", 8, 1),
    "two_nodes.yaml": ("MULTI_GPU", 16, 2),
}


def test_every_config_is_tested() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_accelerate_reads_the_config(name: str) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    config = load_config_from_file(str(FOLDER / name))
    assert (config.distributed_type.value, config.num_processes, config.num_machines) == EXPECTED[name]
    assert config.fsdp_config.get("fsdp_version") == (2 if name.startswith("fsdp2") else None)
    assert config.deepspeed_config.get("zero_stage") == (2 if name.startswith("deepspeed") else None)


@pytest.mark.parametrize("name", EXPECTED)
def test_accelerate_accepts_the_command_in_the_first_line(name: str) -> None:
    from accelerate.commands.launch import launch_command_parser

    words = shlex.split((FOLDER / name).read_text().splitlines()[0].removeprefix("#"))
    assert words[:2] == ["accelerate", "launch"]
    args = launch_command_parser().parse_args(words[2:])
    assert (args.config_file, args.module, args.training_script) == (
        f"training/recipes/accelerate/{name}",
        True,
        "grader",
    )
    *_, run = args.training_script_args
    assert args.training_script_args[:2] == ["train", "--config"] and (FOLDER.parents[2] / run).is_file()
