"""Two processes over gloo take the same steps as one."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

PROGRAM = """
import sys
import torch
from peft import LoraConfig
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trl import DPOConfig, SFTConfig
from training.trainers.dpo import dpo_trainer
from training.dataset.examples import CriterionExample, TrainingExample
from training.run.train import exit_all_ranks
from training.trainers.sft import sft_trainer
from training.trainers.submission_batches import TrainerInputs

processes, out = int(sys.argv[1]), sys.argv[2]
examples = [
    TrainingExample(
        tuple(range(5, 15 + i)),
        tuple(CriterionExample((20 + c, 30 + i), (40, 2), ((41, 2), (42 + i, 2))) for c in range(1 + i % 3)),
    )
    for i in range(8)
]
tokenizer = PreTrainedTokenizerFast(
    tokenizer_object=Tokenizer(WordLevel({f"w{i}": i for i in range(70)}, unk_token="w1")),
    eos_token="w2", pad_token="w0")
arguments = dict(
    output_dir=out + ".d", bf16=False, use_cpu=True, report_to="none", num_train_epochs=2, logging_steps=1,
    per_device_train_batch_size=2 // processes, gradient_accumulation_steps=2, save_strategy="no",
    gradient_checkpointing=False, disable_tqdm=True, learning_rate=0.1, optim="sgd", dataloader_pin_memory=False)
for method in ("sft", "dpo"):
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=70, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4))
    if method == "sft":
        trainer = sft_trainer(model, examples, SFTConfig(**arguments), TrainerInputs(tokenizer))
    else:
        trainer = dpo_trainer(
            model, examples, DPOConfig(**arguments),
            TrainerInputs(tokenizer, new_adapter=LoraConfig(
                r=4, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")))
    trainer.train()
    if trainer.args.process_index == 0:
        logs = [{k: v for k, v in log.items() if k in ("loss", "num_tokens", "rewards/margins")} for log in
                trainer.state.log_history if "loss" in log]
        torch.save({"logs": logs, "weights": [p.detach() for p in trainer.model.parameters()]}, f"{out}.{method}")
exit_all_ranks()
"""


@pytest.mark.slow
def test_two_processes_take_the_same_steps_as_one(tmp_path: Path) -> None:
    for one, two in zip(trained(1, tmp_path), trained(2, tmp_path), strict=True):
        assert len(one["logs"]) == len(two["logs"]) == 4
        for log, other in zip(one["logs"], two["logs"], strict=True):
            assert other == pytest.approx(log, rel=1e-4, abs=1e-6)
        assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(one["weights"], two["weights"], strict=True))


def trained(processes: int, folder: Path) -> list[dict[str, Any]]:
    """Logs and weights after SFT and after DPO."""
    program, out = folder / "program.py", folder / f"{processes}.pt"
    program.write_text(PROGRAM)
    launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"] if processes > 1 else []
    command = [sys.executable, *launch, str(program), str(processes), str(out)]
    root = Path(__file__).parents[3]
    environment = {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin", "HOME": str(folder)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return [torch.load(f"{out}.{method}") for method in ("sft", "dpo")]
