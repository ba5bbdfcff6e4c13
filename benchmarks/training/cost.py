"""CPU time of tree packing compared with trl at its best settings, in one run.

    OMP_NUM_THREADS=1 python -m benchmarks.training.cost [DATASET TOKENIZER] [--model smollm2-135m] [--submissions 2]
        [--repeats 3]

Synthetic shapes are (prefix tokens, criteria, ratings), random tokens, 80 a criterion and 4 an answer. The real rows
are those of the project's own `labs/`, built as for the demo, with a tokenizer trained on them; or those of DATASET
(from `grader build-dataset`) with TOKENIZER (a model folder). They train a random model of 5 million weights. With
--model, real rows also train that model, in float32 and with its own tokenizer. Both sides process the same rows in one
optimiser step: trl with batches of one pair, so without padding, and its head on answers only; ours with batches of one
submission. LoRA on all linear layers; both compute the reference, the model without LoRA, in the same step. Times are
CPU seconds of this process, the minimum of alternating repeats. Peak memory is measured in new processes with equal
pairs per batch. Prints a table and one line of JSON, whose fractions are the minimum over all DPO rows.

Time: minutes. Figures: docs/measurements/training.md.
"""

import argparse
import itertools
import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from peft import LoraConfig
from rich.console import Console
from rich.table import Table
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, PrinterCallback
from trl import DPOConfig, SFTConfig

from prompts.base_models import find_base
from prompts.encode import PromptEncoder
from prompts.style import PromptStyle
from prompts.tokenizer import load_tokenizer
from tests.harness.models.byte_tokenizer import train_tokenizer
from training.dataset.build import DatasetOptions, build_dataset
from training.dataset.examples import CriterionExample, TrainingExample, load_examples
from training.dataset.row_formats import read_pairs
from training.models.loading import load_model
from training.quiet_libraries import quiet_libraries
from training.trainers.collator import PreferenceCollator, VerdictCollator
from training.trainers.dpo import dpo_trainer
from training.trainers.sft import sft_trainer
from training.trainers.submission_batches import TrainerInputs, WarmUpLargestBatch
from training.trainers.token_trees import TokenTree

VOCABULARY, WIDTH, LAYERS = 4096, 256, 6
LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
SHAPES = [(400, 3, 2), (400, 3, 3), (900, 5, 4)]
LABS = Path(__file__).parents[2] / "labs"


@dataclass(frozen=True)
class Figures:
    """Both sides' CPU seconds and tokens through the policy for the same rows, and the tree side's operations."""

    stock_seconds: float
    tree_seconds: float
    stock_tokens: int
    tree_tokens: int
    tree_flops: float

    @property
    def speedup(self) -> float:
        return self.stock_seconds / self.tree_seconds

    @property
    def fraction_of_token_ratio(self) -> float:
        return self.speedup * self.tree_tokens / self.stock_tokens


class Trained(NamedTuple):
    """`load`: the weights to train, always the same ones."""

    load: Callable[[], Any]
    tokenizer: Any


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path, nargs="?")
    parser.add_argument("tokenizer", type=Path, nargs="?")
    parser.add_argument("--model", help="also train this base model, on rows of the labs")
    parser.add_argument("--submissions", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    rows: dict[str, Sequence[TrainingExample]] = {
        f"{p} {c} {k}": synthetic(p, c, k, given.submissions) for p, c, k in SHAPES
    }
    console = Console()
    small = Trained(model, words())
    trained = dict.fromkeys(rows, small) | {"real": small}
    with quiet_libraries():
        with tempfile.TemporaryDirectory() as folder:
            dataset, tokenizer = (given.dataset, given.tokenizer) if given.dataset else own_labs(Path(folder))
            texts = AutoTokenizer.from_pretrained(tokenizer)
            rows["real"] = [folded(example) for example in real(dataset, texts, 4 * given.submissions)]
            if given.model:
                trained[given.model] = pretrained(given.model)
                rows[given.model] = real(dataset, trained[given.model].tokenizer, given.submissions)
        # First, because a new process inherits the peak memory of its parent.
        memory = peak_memory("tree") / peak_memory("none")
        peak = matmul_rate()
        figures = {
            (method, name): compare(method, examples, given.repeats, trained[name])
            for name, examples in rows.items()
            for method in ("dpo", "sft")
        }
    console.print(table(figures, peak))
    print(json.dumps(summary(figures, peak) | {"peak_memory_ratio": round(memory, 3)}))  # noqa: T201


def synthetic(prefix: int, criteria: int, ratings: int, submissions: int) -> list[TrainingExample]:
    random = np.random.default_rng(0)

    def ids(n: int) -> tuple[int, ...]:
        return tuple(int(i) for i in random.integers(100, VOCABULARY, n))

    def criterion() -> CriterionExample:
        answers = [(10 + k, 5, 6, 2) for k in range(ratings)]
        return CriterionExample(ids(80), answers[0], tuple(answers[1:]))

    return [TrainingExample(ids(prefix), tuple(criterion() for _ in range(criteria))) for _ in range(submissions)]


def own_labs(folder: Path) -> tuple[Path, Path]:
    """The dataset and tokenizer of the labs that come with the project, written to `folder`."""
    style = PromptStyle(template="compact")
    paths = folder / "train.jsonl", folder / "test.jsonl"
    build_dataset(LABS, *paths, DatasetOptions(style=style, train_split=1.0, option_order="given"))
    prompts = (row.prompt for row in read_pairs(paths[0]))
    train_tokenizer(prompts, entries=2048, context_length=8192).save_pretrained(folder / "tokenizer")
    return folder, folder / "tokenizer"


def real(dataset: Path, tokenizer: Any, submissions: int) -> Sequence[TrainingExample]:
    """Evenly spread over the file, so that every lab is included, without those beyond 8,192 tokens."""
    encoder = PromptEncoder(tokenizer, context_length=8192)
    examples = load_examples(read_pairs(dataset / "train.jsonl"), encoder, "skip").examples
    return examples[:: max(1, len(examples) // submissions)][:submissions]


def folded(example: TrainingExample) -> TrainingExample:
    """With ids beyond the small model's vocabulary mapped into it."""

    def fold(ids: Sequence[int]) -> tuple[int, ...]:
        return tuple(i % VOCABULARY for i in ids)

    return TrainingExample(
        fold(example.shared),
        tuple(CriterionExample(fold(c.prompt), fold(c.chosen), tuple(map(fold, c.rejected))) for c in example.criteria),
    )


def compare(method: str, examples: Sequence[TrainingExample], repeats: int, trained: Trained) -> Figures:
    seconds: dict[str, list[float]] = {"none": [], "tree": []}
    for _, packing in itertools.product(range(repeats), seconds):
        seconds[packing].append(train_once(method, examples, packing, trained))
    trees: Sequence[TokenTree]
    if method == "dpo":
        trees, passes = PreferenceCollator(examples, 0).trees, 6  # forward 2, backward 2 (frozen weights), reference 2
        stock = sum(
            2 * len((*e.shared, *c.prompt)) + len(c.chosen) + len(r)
            for e in examples
            for c in e.criteria
            for r in c.rejected
        )
    else:
        trees, passes = VerdictCollator(examples, letters_only=False, with_shared=False).trees, 6
        stock = sum(len((*e.shared, *c.prompt, *c.chosen)) for e in examples for c in e.criteria)
    tokens = sum(map(len, trees))
    weights, config = size(trained)
    seen = sum(int((tree.ends - np.arange(len(tree))).sum()) for tree in trees)
    flops = (
        passes * weights * tokens
        + (4 if method == "dpo" else 3) * 4 * config.hidden_size * config.num_hidden_layers * seen
    )
    return Figures(min(seconds["none"]), min(seconds["tree"]), stock, tokens, flops)


def size(trained: Trained) -> tuple[int, Any]:
    """The weights of the layers, and the model's config."""
    loaded = trained.load()
    return sum(p.numel() for n, p in loaded.named_parameters() if "layers" in n), loaded.config


def train_once(
    method: str, examples: Sequence[TrainingExample], packing: Any, trained: Trained, batch: int = 1
) -> float:
    """CPU seconds of one optimiser step over all `examples`."""
    pairs = sum(len(c.rejected) if method == "dpo" else 1 for e in examples for c in e.criteria)
    with tempfile.TemporaryDirectory() as folder:
        settings: dict[str, Any] = {
            "output_dir": folder,
            "max_steps": 1,
            "per_device_train_batch_size": batch,
            "gradient_accumulation_steps": (len(examples) if packing == "tree" else pairs) // batch,
            "gradient_checkpointing": False,
            "bf16": False,
            "use_cpu": True,
            "report_to": "none",
            "save_strategy": "no",
            "disable_tqdm": True,
            "dataloader_pin_memory": False,
        }
        if method == "dpo":
            lora = LoraConfig(r=16, lora_alpha=16, target_modules=LINEAR, task_type="CAUSAL_LM")
            inputs = TrainerInputs(trained.tokenizer, packing=packing, new_adapter=lora)
            trainer = dpo_trainer(trained.load(), examples, DPOConfig(**settings), inputs)
        else:
            inputs = TrainerInputs(trained.tokenizer, packing=packing)
            trainer = sft_trainer(trained.load(), examples, SFTConfig(**settings), inputs)
        trainer.remove_callback(WarmUpLargestBatch)  # runs once per run, not per step
        trainer.remove_callback(PrinterCallback)
        start = time.process_time()
        trainer.train()
        return time.process_time() - start


def model() -> Any:
    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=WIDTH,
            intermediate_size=704,
            num_hidden_layers=LAYERS,
            num_attention_heads=8,
            max_position_embeddings=8192,
        )
    )


def pretrained(name: str) -> Trained:
    base = find_base(name)
    return Trained(lambda: load_model(base.source, dtype=torch.float32), load_tokenizer(base.source))


def words() -> Any:
    backend = Tokenizer(WordLevel({f"w{i}": i for i in range(VOCABULARY)}, unk_token="w1"))
    return PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="w2", pad_token="w0")


def matmul_rate() -> float:
    """FLOP/s of a large fp32 matrix product with the threads of training."""
    matrix, best = torch.randn(2048, 2048), float("inf")
    for _ in range(5):
        start = time.process_time()
        matrix @ matrix
        best = min(best, time.process_time() - start)
    return 2 * 2048**3 / best


def peak_memory(packing: str) -> float:
    """MiB that a DPO step over one submission of shape (400, 3, 3), in one batch, adds in a new process."""
    with multiprocessing.get_context("spawn").Pool(1) as fresh:
        return fresh.apply(_step_memory, (packing,))


def _step_memory(packing: str) -> float:
    with quiet_libraries():
        train_once("dpo", synthetic(20, 1, 2, 1), packing, Trained(model, words()))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        train_once("dpo", synthetic(400, 3, 3, 1), packing, Trained(model, words()), 1 if packing == "tree" else 6)
        return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def table(figures: dict[tuple[str, str], Figures], peak: float) -> Table:
    heads = ["", "rows", "trl, s", "tree, s", "speed-up", "tokens, trl : tree", "of that", "MFU"]
    out = Table(*heads, title=f"CPU seconds, peak {peak / 1e9:.0f} GFLOP/s")
    for (method, name), f in figures.items():
        out.add_row(
            method,
            name,
            f"{f.stock_seconds:.2f}",
            f"{f.tree_seconds:.2f}",
            f"{f.speedup:.2f}x",
            f"{f.stock_tokens / f.tree_tokens:.2f}",
            f"{f.fraction_of_token_ratio:.0%}",
            f"{f.tree_flops / f.tree_seconds / peak:.0%}",
        )
    return out


def summary(figures: dict[tuple[str, str], Figures], peak: float) -> dict[str, float]:
    reported = [("dpo", "real"), ("dpo", "400 3 3"), ("dpo", "900 5 4"), ("sft", "real")]
    dpo = [f for (method, _), f in figures.items() if method == "dpo"]
    return {
        **{f"{m}_speedup_{name.replace(' ', '_')}": round(figures[m, name].speedup, 3) for m, name in reported},
        "fraction_of_token_ratio": round(min(f.fraction_of_token_ratio for f in dpo), 3),
        "mfu": round(min(f.tree_flops / f.tree_seconds / peak for f in dpo), 3),
    }


if __name__ == "__main__":
    main()
