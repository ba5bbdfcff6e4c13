"""Packed trees on weights sharded by FSDP2 over two CPU processes.

Uses torch's `fully_shard` as accelerate calls it: accelerate itself supports FSDP on GPUs only.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import copy
import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from transformers import LlamaConfig, LlamaForCausalLM
from training.trainers.tree_attention import enable_tree_attention
from training.trainers.collator import VerdictCollator
from training.dataset.examples import CriterionExample, TrainingExample
from training.run.train import exit_all_ranks

dist.init_process_group("gloo")
examples = [
    TrainingExample(tuple(range(5, 15 + i)), tuple(CriterionExample((20 + c, 30), (40 + c, 2)) for c in range(1 + i)))
    for i in range(4)
]
collator = VerdictCollator(examples, letters_only=False, with_shared=True)
torch.manual_seed(0)
whole = LlamaForCausalLM(LlamaConfig(
    vocab_size=70, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4))
enable_tree_attention(whole)
shared = copy.deepcopy(whole)
mesh = init_device_mesh("cpu", (2,))
for layer in shared.model.layers:
    fully_shard(layer, mesh=mesh, reshard_after_forward=True)
fully_shard(shared, mesh=mesh, reshard_after_forward=True)

def loss(model, submissions):
    batch = collator([{"submission": s} for s in submissions])
    trees = {name: value for name, value in batch.items() if name.startswith("tree_")}
    logits = model(input_ids=batch["labels"], **trees).logits
    return torch.nn.functional.cross_entropy(logits[0], batch["labels"][0])

rank = dist.get_rank()
mine, other = [2 * rank, 2 * rank + 1], [2 - 2 * rank, 3 - 2 * rank]
one = loss(shared, mine)
one.backward()
((loss(whole, mine) + loss(whole, other)) / 2).backward()
expected = loss(whole, mine)
assert abs(one.item() - expected.item()) < 1e-5, (one, expected)
for (name, a), b in zip(shared.named_parameters(), whole.parameters(), strict=True):
    assert torch.allclose(a.grad.full_tensor(), b.grad, atol=1e-6), name
exit_all_ranks()
raise SystemExit("exit_all_ranks returned: a normal exit may abort gloo's threads")
"""


@pytest.mark.nightly
def test_sharded_weights_give_the_loss_and_gradient_of_full_ones(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "program.py"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *launch], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
