"""SFT and DPO of a tiny model, on as many processes as are started.

    python -m tests.harness.models.trained_on_ranks 2 OUT

The logs and weights after each method are written to OUT.sft and OUT.dpo.
"""

import sys
from pathlib import Path

import torch
from peft import LoraConfig
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trl import DPOConfig, SFTConfig

from training.dataset.examples import CriterionExample, TrainingExample
from training.run.train import exit_all_ranks
from training.trainers.dpo import dpo_trainer
from training.trainers.sft import sft_trainer
from training.trainers.submission_batches import TrainerInputs

LOGGED = ("loss", "num_tokens", "rewards/margins")


def train(processes: int, out: Path) -> None:
    examples = [
        TrainingExample(
            tuple(range(5, 15 + i)),
            tuple(CriterionExample((20 + c, 30 + i), (40, 2), ((41, 2), (42 + i, 2))) for c in range(1 + i % 3)),
        )
        for i in range(8)
    ]
    words = WordLevel({f"w{i}": i for i in range(70)}, unk_token="w1")
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(words), eos_token="w2", pad_token="w0")
    arguments = {
        "output_dir": f"{out}.d",
        "bf16": False,
        "use_cpu": True,
        "report_to": "none",
        "num_train_epochs": 2,
        "logging_steps": 1,
        "per_device_train_batch_size": 2 // processes,
        "gradient_accumulation_steps": 2,
        "save_strategy": "no",
        "gradient_checkpointing": False,
        "disable_tqdm": True,
        "learning_rate": 0.1,
        "optim": "sgd",
        "dataloader_pin_memory": False,
    }
    size = {"vocab_size": 70, "hidden_size": 32, "intermediate_size": 48}
    for method in ("sft", "dpo"):
        torch.manual_seed(0)
        model = LlamaForCausalLM(LlamaConfig(**size, num_hidden_layers=2, num_attention_heads=4))
        if method == "sft":
            trainer = sft_trainer(model, examples, SFTConfig(**arguments), TrainerInputs(tokenizer))
        else:
            adapter = LoraConfig(r=4, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
            inputs = TrainerInputs(tokenizer, new_adapter=adapter)
            trainer = dpo_trainer(model, examples, DPOConfig(**arguments), inputs)
        trainer.train()
        if trainer.args.process_index == 0:
            logs = [
                {name: value for name, value in log.items() if name in LOGGED}
                for log in trainer.state.log_history
                if "loss" in log
            ]
            weights = [parameter.detach() for parameter in trainer.model.parameters()]
            torch.save({"logs": logs, "weights": weights}, f"{out}.{method}")


if __name__ == "__main__":
    train(int(sys.argv[1]), Path(sys.argv[2]))
    exit_all_ranks()
