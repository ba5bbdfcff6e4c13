"""Two processes over gloo take the same steps as one."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.harness.models import trained_on_ranks
from tests.harness.processes.forking import ROOT


@pytest.mark.slow
def test_two_processes_take_the_same_steps_as_one(tmp_path: Path) -> None:
    for one, two in zip(trained(1, tmp_path), trained(2, tmp_path), strict=True):
        assert len(one["logs"]) == len(two["logs"]) == 4
        for log, other in zip(one["logs"], two["logs"], strict=True):
            assert other == pytest.approx(log, rel=1e-4, abs=1e-6)
        assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(one["weights"], two["weights"], strict=True))


def trained(processes: int, folder: Path) -> list[dict[str, Any]]:
    """Logs and weights after SFT and after DPO."""
    out = folder / f"{processes}.pt"
    if processes == 1:
        trained_on_ranks.train(1, out)
    else:
        launch = ["torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"]
        command = [sys.executable, "-m", *launch, "-m", trained_on_ranks.__name__, str(processes), str(out)]
        environment = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin", "HOME": str(folder)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr[-3000:]
    return [torch.load(f"{out}.{method}") for method in ("sft", "dpo")]
