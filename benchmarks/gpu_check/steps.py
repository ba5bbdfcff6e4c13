"""The steps of the GPU check. Each runs in a process of its own and returns its figures."""

import copy
import json
import tempfile
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import LlamaForCausalLM, MistralForCausalLM, PreTrainedTokenizerFast, PrinterCallback, TrainerCallback
from trl import DPOConfig, SFTConfig

from prompts.base_models import LINEAR_LAYERS
from training.config import DpoStage, RunConfig, SftStage
from training.dataset.examples import TrainingExample
from training.models.loading import lora_config
from training.models.merge import check_logits, check_written
from training.quiet_libraries import quiet_libraries
from training.run.speed import SpeedMetrics, measure_peak_flops
from training.run.stages import dpo_arguments, stage_passes, trainer_arguments
from training.trainers.collator import PreferenceCollator
from training.trainers.dpo import dpo_trainer
from training.trainers.sft import sft_trainer
from training.trainers.submission_batches import TrainerInputs
from training.trainers.tree_attention import enable_tree_attention

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
STEPS = 3


def model_class(config: Any) -> Any:
    return MistralForCausalLM if config.model_type == "mistral" else LlamaForCausalLM


def random_model(config: Any, *, layers: int | None = None) -> Any:
    """Random bfloat16 weights on the device; `layers` instead of the shape's own number."""
    config = copy.deepcopy(config)
    config.num_hidden_layers = layers or config.num_hidden_layers
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    with torch.device(DEVICE):
        model = model_class(config)(config)
    torch.set_default_dtype(torch.float32)
    model.config.dtype = torch.bfloat16
    return model


def compare_attention(config: Any, examples: Sequence[TrainingExample]) -> dict[str, Any]:
    """Two layers in float32, so that only the kernels differ. Relative errors are L2 norms over all elements."""
    torch.backends.cuda.matmul.allow_tf32 = False
    batch = _tree_batch(examples[:2])
    results, figures = {}, {}
    for kernel in ("dense", "flex") if DEVICE == "cuda" else ("dense", "segments"):
        model = random_model(config, layers=2).float()
        enable_tree_attention(model, kernel)  # type: ignore[arg-type]
        seconds = []
        for _ in range(3):  # the first one compiles
            model.zero_grad()
            started = time.perf_counter()
            hidden = model.base_model(input_ids=None, **batch).last_hidden_state
            hidden.square().mean().backward()
            _synchronize()
            seconds.append(time.perf_counter() - started)
        gradient = torch.cat([p.grad.flatten() for p in model.base_model.layers.parameters()])
        results[kernel] = hidden.detach(), gradient
        figures |= {f"{kernel}_first_seconds": seconds[0], f"{kernel}_seconds": min(seconds)}
    (dense, dense_gradient), (other, gradient) = results.values()
    return figures | {
        "tokens": len(batch["tree_ids"]),
        "hidden_error": float((other - dense).norm() / dense.norm()),
        "gradient_error": float((gradient - dense_gradient).norm() / dense_gradient.norm()),
    }


def train_shape(config: Any, run: RunConfig, examples: Sequence[TrainingExample]) -> dict[str, Any]:
    model = _random_4bit_model(config) if run.load_in_4bit else random_model(config)
    return _train(model, run, examples, packing="tree")


def compare_with_trl(config: Any, examples: Sequence[TrainingExample]) -> dict[str, Any]:
    """Seconds per optimiser step over the same rows, 8 layers of the shape. trl: batches of one row without padding."""
    figures: dict[str, Any] = {}
    liger = find_spec("liger_kernel") is not None and DEVICE == "cuda"
    for method in ("sft", "dpo"):
        for packing in ("none", "tree"):
            values: dict[str, Any] = {"model": "shape", "dataset": "synthetic", "use_liger_kernel": liger}
            rows = sum(len(c.rejected) if method == "dpo" else 1 for e in examples for c in e.criteria)
            values[method] = {"gradient_accumulation_steps": rows if packing == "none" else len(examples)}
            model = random_model(config, layers=min(8, config.num_hidden_layers))
            done = _train(model, RunConfig.model_validate(values), examples, packing=packing)
            figures[f"{method}_{'trl' if packing == 'none' else 'tree'}_step_seconds"] = done["step_seconds"]
            del model
        figures[f"{method}_speedup"] = figures[f"{method}_trl_step_seconds"] / figures[f"{method}_tree_step_seconds"]
    return figures | {"liger": liger}


def merge_adapter(config: Any) -> dict[str, Any]:
    """As `grader merge`: in float32, logits compared, rounded, written and read back."""
    from peft import get_peft_model

    torch.manual_seed(0)
    run = RunConfig.model_validate({"model": "m", "dataset": "d", "sft": {}})
    model = random_model(config).float()
    tuned = get_peft_model(model, lora_config(model, LINEAR_LAYERS, run)).eval()
    for name, weight in tuned.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.01)
    ids = torch.randint(100, config.vocab_size, (1, 200), device=DEVICE)
    started = time.perf_counter()
    with torch.no_grad():
        expected = [tuned(input_ids=ids).logits[0].cpu()]
        merged = tuned.merge_and_unload(safe_merge=True)
        change = check_logits(expected, [merged(input_ids=ids).logits[0].cpu()], "merged")
    with tempfile.TemporaryDirectory() as folder:
        plain = merged.to(torch.bfloat16).cpu()
        plain.save_pretrained(folder)
        check_written(plain, Path(folder))
    return {"largest_logit_change": change, "merge_seconds": time.perf_counter() - started}


def serve_adapters(config: Any) -> dict[str, Any]:
    """5 criteria of 80 own tokens on 800 shared ones; one letter each. Dummy weights; two random adapters."""
    from vllm import LLM, SamplingParams
    from vllm.lora.request import LoRARequest

    random = np.random.default_rng(0)

    def ids(n: int) -> list[int]:
        return [int(i) for i in random.integers(100, config.vocab_size, n)]

    prompts = [shared + ids(80) for shared in (ids(800) for _ in range(100)) for _ in range(5)]
    letters = [34, 35, 36, 37]
    sampling = SamplingParams(
        max_tokens=1, temperature=0, detokenize=False, allowed_token_ids=letters, logprob_token_ids=letters
    )
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        config.architectures = [model_class(config).__name__]
        config.save_pretrained(folder / "base")
        adapters = [_random_adapter(config, folder / f"adapter{n}", n) for n in (1, 2)]
        llm = LLM(
            model=str(folder / "base"), load_format="dummy", skip_tokenizer_init=True, dtype="bfloat16",
            enable_prefix_caching=True, enable_lora=True, max_lora_rank=16, max_loras=2, max_model_len=4096,
            max_logprobs=26, disable_log_stats=False, enforce_eager=True,
        )  # fmt: skip
        figures: dict[str, Any] = {}
        inputs = [{"prompt_token_ids": prompt} for prompt in prompts]
        for name, chosen in (("base", [None]), ("adapters", adapters)):
            llm.reset_prefix_cache()
            before = _cache_counts(llm)
            requests = [
                LoRARequest(f"a{n}", n, str(path)) if path else None
                for number in range(len(prompts))
                for n, path in [(number // 5 % len(chosen) + 1, chosen[number // 5 % len(chosen)])]
            ]
            started = time.perf_counter()
            answers = llm.generate(inputs, sampling, lora_request=requests, use_tqdm=False)
            seconds = time.perf_counter() - started
            queries, hits = (after - first for after, first in zip(_cache_counts(llm), before, strict=True))
            figures |= {
                f"{name}_criteria_per_second": len(answers) / seconds,
                f"{name}_prefix_hit_rate": hits / max(queries, 1),
            }
    return figures | {"computed_hit_rate": 4 * 800 / (5 * 880)}


def _cache_counts(llm: Any) -> tuple[float, float]:
    values = {metric.name: getattr(metric, "value", 0) for metric in llm.get_metrics()}
    return values.get("vllm:prefix_cache_queries", 0), values.get("vllm:prefix_cache_hits", 0)


def _random_adapter(config: Any, folder: Path, seed: int) -> Path:
    """A LoRA adapter of rank 16 on query and value, written as peft does."""
    folder.mkdir()
    torch.manual_seed(seed)
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    sizes = {"q_proj": config.num_attention_heads * head, "v_proj": config.num_key_value_heads * head}
    weights = {}
    for layer in range(config.num_hidden_layers):
        for name, out in sizes.items():
            prefix = f"base_model.model.model.layers.{layer}.self_attn.{name}"
            weights[f"{prefix}.lora_A.weight"] = torch.randn(16, config.hidden_size, dtype=torch.bfloat16) * 0.01
            weights[f"{prefix}.lora_B.weight"] = torch.randn(out, 16, dtype=torch.bfloat16) * 0.01
    save_file(weights, folder / "adapter_model.safetensors")
    settings = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 16, "lora_alpha": 16, "lora_dropout": 0.0}
    settings |= {"bias": "none", "target_modules": list(sizes), "base_model_name_or_path": "base"}
    (folder / "adapter_config.json").write_text(json.dumps(settings))
    return folder


def _train(model: Any, run: RunConfig, examples: Sequence[TrainingExample], *, packing: Any) -> dict[str, Any]:
    """STEPS optimiser steps; the figures are those of the last one."""
    ((name, stage),) = run.stages.items()
    peak = measure_peak_flops(torch.bfloat16)
    clock, logged = SpeedMetrics(stage_passes(name, stage, run), peak), _LogLines()
    inputs = TrainerInputs(_tokenizer(model.config.vocab_size), packing=packing, callbacks=(clock, logged),
                           new_adapter=lora_config(model, LINEAR_LAYERS, run))  # fmt: skip
    with tempfile.TemporaryDirectory() as folder, quiet_libraries():
        settings = trainer_arguments(stage, run, Path(folder), bf16=True)
        settings |= {"max_steps": STEPS, "logging_steps": 1, "save_strategy": "no"}
        if isinstance(stage, DpoStage):
            trainer = dpo_trainer(model, examples, DPOConfig(**settings, **dpo_arguments(stage)), inputs)
        else:
            assert isinstance(stage, SftStage)
            trainer = sft_trainer(model, examples, SFTConfig(**settings, max_length=None), inputs)
        trainer.remove_callback(PrinterCallback)
        started = time.perf_counter()
        trainer.train()
        _synchronize()
        seconds = time.perf_counter() - started
    logs = logged.lines
    figures = {"step_seconds": seconds / STEPS, "loss": logs[-1]["loss"], "peak_matmul_tflops": peak / 1e12}
    speeds = {key: logs[-1][key] for key in ("tokens_per_second", "mfu") if key in logs[-1]}
    return figures | speeds


class _LogLines(TrainerCallback):  # type: ignore[misc]
    """The log lines of the steps, with what earlier callbacks added."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def on_log(self, _args: Any, _state: Any, _control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        if logs and "loss" in logs:
            self.lines.append(dict(logs))


def _random_4bit_model(config: Any) -> Any:
    """The shape with random weights, its linear layers quantized one by one, so that bfloat16 weights never exist as a
    whole."""
    import bitsandbytes

    with torch.device("meta"):
        model = model_class(config)(config)
    for name, module in list(model.named_modules()):
        if isinstance(module, torch.nn.Linear) and not name.endswith("lm_head"):
            layer = bitsandbytes.nn.Linear4bit(
                module.in_features, module.out_features, bias=False, compute_dtype=torch.bfloat16, quant_type="nf4",
                device="meta",
            )  # fmt: skip
            values = torch.randn(module.out_features, module.in_features, dtype=torch.bfloat16) * 0.02
            layer.weight = bitsandbytes.nn.Params4bit(
                values, requires_grad=False, quant_type="nf4", compress_statistics=True
            ).to(DEVICE)
            model.set_submodule(name, layer)
    for name, weight in list(model.named_parameters()):
        if weight.is_meta:
            values = torch.ones if "norm" in name else torch.randn
            filled = values(weight.shape, dtype=torch.bfloat16, device=DEVICE) * (1.0 if "norm" in name else 0.02)
            owner, _, attribute = name.rpartition(".")
            setattr(model.get_submodule(owner), attribute, torch.nn.Parameter(filled, requires_grad=False))
    model.model.rotary_emb = type(model.model.rotary_emb)(config=config).to(DEVICE)
    model.is_loaded_in_4bit, model.is_quantized = True, True
    return model


def _tree_batch(examples: Sequence[TrainingExample]) -> dict[str, torch.Tensor]:
    collator = PreferenceCollator(examples, 0)
    rows = [{"submission": s, "pair": 0} for s in range(len(examples))]
    return {name: value.to(DEVICE) for name, value in collator(rows).items() if name.startswith("tree_")}


def _tokenizer(vocabulary: int) -> Any:
    backend = Tokenizer(WordLevel({f"w{i}": i for i in range(vocabulary)}, unk_token="w1"))
    return PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="w2", pad_token="w0")


def _synchronize() -> None:
    if DEVICE == "cuda":
        torch.cuda.synchronize()
