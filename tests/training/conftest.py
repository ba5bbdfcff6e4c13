"""Tiny models, a tokenizer, random submissions and datasets for the tests of training."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labs_schema.hashes import file_hash
from training.dataset.examples import CriterionExample, TrainingExample

MakeExamples = Callable[..., list[TrainingExample]]


@pytest.fixture
def make_examples() -> MakeExamples:
    """`make_examples(4, ratings=3)`: submissions with 1, 2, 3, 1 criteria of 3 ratings each, of unequal lengths."""

    def make(count: int, *, ratings: int = 3, seed: int = 0) -> list[TrainingExample]:
        random = np.random.default_rng(seed)

        def ids(n: int) -> tuple[int, ...]:
            return tuple(int(i) for i in random.integers(10, 60, n))

        def criterion(start: Sequence[int], number: int) -> CriterionExample:
            answers = [(60 + k, *ids(1 + (k + number) % 3), 2) for k in range(ratings)]
            return CriterionExample((*start, *ids(4 + number)), answers[0], tuple(answers[1:]))

        starts = [ids(2) for _ in range(count)]
        return [
            TrainingExample(ids(12 + 5 * i), tuple(criterion(starts[i], c) for c in range(1 + i % 3)))
            for i in range(count)
        ]

    return make


@pytest.fixture
def make_model() -> Callable[[str], Any]:
    """`make_model("gqa")`: fixed random weights; `mha`, `gqa` are Llamas, `window`, `full` Mistrals."""

    def make(kind: str) -> Any:
        import torch
        from transformers import LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM

        size = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
        size |= {"vocab_size": 70, "max_position_embeddings": 128, "num_key_value_heads": 4 if kind == "mha" else 2}
        torch.manual_seed(0)
        if kind in ("mha", "gqa"):
            return LlamaForCausalLM(LlamaConfig(**size))
        return MistralForCausalLM(MistralConfig(**size, sliding_window=9 if kind == "window" else None))

    return make


@pytest.fixture
def word_tokenizer() -> Any:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    words = WordLevel({f"w{i}": i for i in range(70)}, unk_token="w1")
    return PreTrainedTokenizerFast(tokenizer_object=Tokenizer(words), eos_token="w2", pad_token="w0")


@pytest.fixture
def arguments(tmp_path: Any) -> dict[str, Any]:
    """One optimiser step, logged, in fp32 on the CPU, with nothing saved and no clipping."""
    return {
        "output_dir": str(tmp_path),
        "max_steps": 1,
        "bf16": False,
        "use_cpu": True,
        "gradient_checkpointing": False,
        "max_grad_norm": 0.0,
        "optim": "sgd",
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "dataloader_pin_memory": False,
    }


@pytest.fixture
def step() -> Callable[[Any], tuple[float, Any]]:
    """`step(trainer)` trains and returns the first optimiser step's loss and gradient, all parameters in one vector."""

    def run(trainer: Any) -> tuple[float, Any]:
        import torch
        from transformers import TrainerCallback

        class Gradient(TrainerCallback):  # type: ignore[misc]
            seen: list[torch.Tensor] = []  # noqa: RUF012

            def on_pre_optimizer_step(self, *_: Any, model: Any = None, **__: Any) -> None:
                gradients = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
                self.seen = [*self.seen, torch.cat(gradients).clone()]

        gradient = Gradient()
        trainer.add_callback(gradient)
        trainer.train()
        return next(log["loss"] for log in trainer.state.log_history if "loss" in log), gradient.seen[0]

    return run


@pytest.fixture
def write_dataset() -> Callable[[Any, Path], Path]:
    """`write_dataset(lab, folder)`: all pairs of the lab as a dataset on disk."""
    from prompts.messages import build_prompts
    from prompts.style import PromptStyle
    from prompts.verdict import LETTERS, verdict_text
    from training.dataset.manifest import DatasetManifest, LabSplit, OutputFile
    from training.dataset.row_formats import PairRow

    style = PromptStyle(template="compact")

    def write(lab: Any, folder: Path) -> Path:
        rows = [
            PairRow(
                lab=lab.name,
                submission=f"{number:016x}",
                criterion=criterion.title,
                options=prompt.options,
                system=prompt.system,
                prompt=prompt.text,
                shared_chars=len(prompt.shared),
                chosen=verdict_text(LETTERS[prompt.options.index(given)]),
                rejected=verdict_text(LETTERS[prompt.options.index(other)]),
            )
            for number, submission in enumerate(lab.submissions)
            for prompt, criterion in zip(build_prompts(lab, submission, style), lab.criteria, strict=True)
            for given in [lab.ratings_by_student[submission.student][criterion.title]]
            for other in prompt.options
            if other != given
        ]
        folder.mkdir()
        (folder / "train.jsonl").write_text("".join(row.model_dump_json() + "\n" for row in rows))
        manifest = DatasetManifest(
            grader_version="0",
            format="dpo",
            seed=0,
            train_split=1.0,
            style=style,
            reasoning=False,
            option_order="given",
            eval_labs=(),
            labs={lab.name: LabSplit(train=tuple(sorted({row.submission for row in rows})))},
            inputs={},
            outputs={"train.jsonl": OutputFile(sha256=file_hash(folder / "train.jsonl"), bytes=1, rows=len(rows))},
        )
        (folder / "manifest.json").write_text(manifest.model_dump_json())
        return folder

    return write


RUN = """
model: models/tiny
dataset: data
on_overlong: middle
bf16: false
lora_dropout: 0.0
sft: {method: full, learning_rate: 1.0e-3, gradient_accumulation_steps: 1, lm_weight: 0.5, dropout: 0.2}
dpo: {method: lora, learning_rate: 1.0e-3, gradient_accumulation_steps: 1}
"""


@pytest.fixture
def here(
    tmp_path: Path,
    make_lab: Any,
    write_dataset: Callable[[Any, Path], Path],
    tiny_model_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A working folder with `data`, random `models/tiny` and `run.yaml`, SFT of all weights, then LoRA-DPO; offline."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    write_dataset(make_lab(students=8), tmp_path / "data")
    shutil.copytree(tiny_model_folder, tmp_path / "models/tiny")
    (tmp_path / "run.yaml").write_text(RUN)
    return tmp_path
