"""An adapter folded into its base: weights that any engine serves without LoRA. Knows no data and no trainer."""

import shutil
from pathlib import Path
from typing import Literal

import torch
from peft import PeftModel

from labs_schema.errors import ModelError
from prompts.manifest import FILE, read_manifest, write_manifest
from prompts.tokenizer import load_tokenizer
from training.models.loading import load_model
from training.models.merge_check import check_same, logits_of
from training.quiet_libraries import quiet_libraries
from training.run_folder import RunFolder


def merge(run: Path, out: Path | None = None, dtype: Literal["bfloat16", "float32"] = "bfloat16") -> Path:
    """Writes the run's model as plain weights with tokenizer and manifest to `out` (default: `merged` in the run).

    What was written is read again and compared with base and adapter. Raises ModelError where a logit differs by more
    than `merge_check.TOLERANCE`, where the run has no finished model, or where `out` holds something else than an
    earlier merge, which is replaced.
    """
    folder = RunFolder(run)
    if not folder.manifest.is_file():
        if not run.is_dir():
            raise ModelError(f"{run}: no such folder. Give a run folder that grader train made.")
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
        expected = logits_of(model, tokenizer)
        plain = model.merge_and_unload(safe_merge=True) if manifest.adapter is not None else model
        plain.save_pretrained(str(draft))
        tokenizer.save_pretrained(str(draft))
        write_manifest(manifest.model_copy(update={"base_model": ".", "adapter": None}), draft)
        written = load_model(str(draft), dtype=getattr(torch, dtype))
        check_same(expected, logits_of(written, tokenizer), dtype, draft)
    shutil.rmtree(out, ignore_errors=True)
    draft.rename(out)
    return out


def replaceable(out: Path) -> bool:
    """Whether `out` is free, or holds merged weights: a model's config beside the manifest, which no run folder has."""
    if out.is_dir() and any(out.iterdir()):
        return (out / FILE).is_file() and (out / "config.json").is_file()
    return not out.is_file()
