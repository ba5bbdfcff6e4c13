"""An adapter folded into its base: weights that any engine serves without LoRA. Knows no data and no trainer."""

import shutil
from pathlib import Path
from typing import Any, Literal

import torch
from peft import PeftModel

from labs_schema.errors import ModelError
from prompts.manifest import FILE, read_manifest, write_manifest
from prompts.verdict import OPENING
from training.models import load_model, load_tokenizer
from training.quiet import quiet_libraries
from training.run_folder import RunFolder

SAMPLE = 'Is it correct?\nint main(void) {\n    printf("%d\\n", 1 + 1);\n    return 0;\n}\n' + OPENING
TOLERANCE = {"float32": 1e-4, "bfloat16": 0.02}
"""How far any next token's probability may move by merging, on the sample prompt."""


def merge(run: Path, out: Path | None = None, dtype: Literal["bfloat16", "float32"] = "bfloat16") -> Path:
    """Writes the run's model as plain weights with tokenizer and manifest to `out` (default: `merged` in the run).

    What was written is read again and compared with base and adapter. Raises ModelError where a next token's
    probability differs by more than `TOLERANCE`, where the run has no finished model, or where `out` holds something
    else than an earlier merge, which is replaced.
    """
    folder = RunFolder(run)
    if not folder.manifest.is_file():
        raise ModelError(f"{run}: no manifest.json, so no finished run. Finish it with grader train --resume {run}.")
    manifest, out = read_manifest(run), (out or folder.merged).absolute()
    if not replaceable(out):
        raise ModelError(f"{out}: there is something in it that no merge wrote. Remove it or choose another --out.")
    draft = out.with_name(out.name + ".part")
    shutil.rmtree(draft, ignore_errors=True)
    with quiet_libraries():
        tokenizer = load_tokenizer(str(folder.tokenizer))
        local = run / manifest.base_model
        model = load_model(str(local) if local.is_dir() else manifest.base_model, dtype=getattr(torch, dtype))
        if manifest.adapter is not None:
            model = PeftModel.from_pretrained(model, str(run / manifest.adapter))
        expected = _next_token(model, tokenizer)
        plain = model.merge_and_unload(safe_merge=True) if manifest.adapter is not None else model
        plain.save_pretrained(str(draft))
        tokenizer.save_pretrained(str(draft))
        write_manifest(manifest.model_copy(update={"base_model": ".", "adapter": None}), draft)
        check_same(expected, _next_token(load_model(str(draft), dtype=getattr(torch, dtype)), tokenizer), dtype, draft)
    shutil.rmtree(out, ignore_errors=True)
    draft.rename(out)
    return out


def replaceable(out: Path) -> bool:
    """Whether `out` is free, or holds merged weights: a model's config beside the manifest, which no run folder has."""
    if out.is_dir() and any(out.iterdir()):
        return (out / FILE).is_file() and (out / "config.json").is_file()
    return not out.is_file()


def check_same(expected: torch.Tensor, found: torch.Tensor, dtype: str, folder: Path) -> None:
    """Raises ModelError where two distributions over the vocabulary (V,) differ by more than the dtype's tolerance."""
    if (moved := float((expected - found).abs().max())) > TOLERANCE[dtype] or moved != moved:
        raise ModelError(
            f"{folder}: merging moved a next token's probability by {moved:.4f}; at most {TOLERANCE[dtype]} was "
            "expected. Try --dtype float32, or serve the adapter unmerged."
        )


def _next_token(model: Any, tokenizer: Any) -> torch.Tensor:
    ids = torch.tensor([tokenizer(SAMPLE)["input_ids"]])
    with torch.no_grad():
        logits: torch.Tensor = model.eval()(input_ids=ids).logits[0, -1].float()
    return logits.softmax(-1)
