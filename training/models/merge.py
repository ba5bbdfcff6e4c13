"""Merges an adapter into its base, into weights that any engine can serve, and checks the result."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import torch
from peft import PeftModel
from safetensors import safe_open
from torch import Tensor

from labs_schema.errors import ModelError
from labs_schema.files.full_disk import reporting_full_disk
from prompts.base_models import weights_of
from prompts.manifest import FILE, read_manifest, write_manifest
from prompts.tokenizer import load_tokenizer
from prompts.verdict import OPENING
from training.models.finite_weights import check_finite
from training.models.loading import load_model
from training.quiet_libraries import quiet_libraries
from training.run_folder import RunFolder

TEXTS = (
    'Is it correct?\nint main(void) {\n    printf("%d\\n", 1 + 1);\n    return 0;\n}\n' + OPENING,
    "Criterion: readable names.\nA) yes\nB) no\ndef mean(values):\n    return sum(values) / len(values)\n" + OPENING,
    "public static void main(String[] args) { for (int i = 0; i < args.length; i++) System.out.println(i); }\n",
    "größe = 0; // ✓ 日本語\t\r\n\x00{}[]<|im_start|>[INST] \u202e",
    "a",
)
TOLERANCE = 1e-4
"""Largest change of the logits at a position by merging in float32: root mean square over the vocabulary, relative to
the logits' standard deviation there. In bfloat16 such a check cannot tell a wrong merge from a right one: computing
alone changes SmolLM2's logits at a position by .4, as much as a short training does."""


def merge(run: Path, out: Path | None = None, dtype: Literal["bfloat16", "float32"] = "bfloat16") -> Path:
    """Writes the run's model as plain weights with tokenizer and manifest to `out` (default: `merged` in the run).

    Merges in float32 (4 bytes of memory per weight), compares the logits with those of base and adapter, rounds to
    `dtype`, and compares the written weights with those in memory. An earlier merge in `out` is replaced. Raises
    ModelError if a logit changed by more than TOLERANCE, a weight was not written, the run has no finished model, or
    `out` contains anything else, and with code `non-finite-weights` if the run diverged; DiskFullError.
    """
    folder = RunFolder(run)
    if not folder.manifest.is_file():
        if not run.is_dir():
            raise ModelError(f"{run}: no such folder. Pass a run folder created by grader train.", code="not-a-run")
        raise ModelError(
            f"{run}: not finished (no manifest.json). Finish it with grader train --resume {run}.",
            code="run-unfinished",
        )
    manifest, out = read_manifest(run), (out or folder.merged).absolute()
    if not replaceable(out):
        raise ModelError(
            f"{out}: contains files that are not an earlier merge. Remove them or choose another --out.",
            code="output-in-use",
        )
    draft = out.with_name(out.name + ".part")
    shutil.rmtree(draft, ignore_errors=True)
    again = f"run it again: grader merge {run} --out {out}"
    with quiet_libraries(), _removed_on_error(draft), reporting_full_disk(out, again):
        tokenizer = load_tokenizer(str(folder.tokenizer))
        model = load_model(weights_of(manifest.base_model, run), dtype=torch.float32)
        if manifest.adapter is not None:
            model = PeftModel.from_pretrained(model, str(run / manifest.adapter))
        retrain = "The run diverged: train again with a lower learning rate (grader train --config)."
        check_finite(model.named_parameters(), run / (manifest.adapter or manifest.base_model), retrain)
        if manifest.adapter is not None:
            model = _merged(model, run / manifest.adapter, tokenizer)
        model.to(getattr(torch, dtype)).save_pretrained(str(draft))
        check_written(model, draft)
        tokenizer.save_pretrained(str(draft))
        write_manifest(manifest.model_copy(update={"base_model": ".", "adapter": None}), draft)
    shutil.rmtree(out, ignore_errors=True)
    draft.rename(out)
    return out


@contextmanager
def _removed_on_error(draft: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def replaceable(out: Path) -> bool:
    """Whether `out` is empty or has merged weights: both a model's config and a manifest, unlike a run folder."""
    if out.is_dir() and any(out.iterdir()):
        return (out / FILE).is_file() and (out / "config.json").is_file()
    return not out.is_file()


def logits_of(model: Any, tokenizer: Any) -> list[Tensor]:
    """The logits (N, V) of all N positions of each of TEXTS, float32."""
    model.eval()
    with torch.no_grad():
        ids = [tokens for text in TEXTS if (tokens := tokenizer(text)["input_ids"])]
        return [model(input_ids=torch.tensor([tokens])).logits[0].float() for tokens in ids]


def check_logits(expected: list[Tensor], found: list[Tensor], what: object) -> float:
    """The largest relative change of the logits at any position. Raises ModelError if it exceeds TOLERANCE or is
    NaN."""
    changes = [(a - b).square().mean(-1).sqrt() / a.std(-1) for a, b in zip(expected, found, strict=True)]
    largest = float(torch.cat(changes).max())
    if not largest <= TOLERANCE:
        raise ModelError(
            f"{what}: merging changed the logits at a position by {largest:.2g} of their standard deviation; at most "
            f"{TOLERANCE} was expected. Serve the adapter unmerged, or train again with a lower learning rate.",
            code="merge-inexact",
        )
    return largest


def check_written(model: Any, folder: Path) -> None:
    """Raises ModelError unless the safetensors files in `folder` have every weight of `model`, bit for bit."""
    expected, written = model.state_dict(), set()
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            for name in file.offset_keys():
                if not torch.equal(file.get_tensor(name), expected[name]):
                    raise ModelError(
                        f"{path}: {name} differs from the weight in memory. Merge again.", code="merge-damaged"
                    )
                written.add(expected[name].data_ptr())
    if missing := [name for name, weight in expected.items() if weight.data_ptr() not in written]:
        raise ModelError(f"{folder}: {', '.join(missing[:3])} were not written. Merge again.", code="merge-damaged")


def _merged(model: Any, adapter: Path, tokenizer: Any) -> Any:
    """`model` (float32) with its adapter in its weights."""
    expected = logits_of(model, tokenizer)
    merged = model.merge_and_unload(safe_merge=True)
    check_logits(expected, logits_of(merged, tokenizer), adapter)
    return merged
