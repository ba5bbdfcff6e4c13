"""Resolves a path to weights, tokenizer and manifest, and checks them against each other without loading weights.

The path is a run folder, merged weights, a plain Hugging Face folder, a preset, a GGUF file or a hub id. A model with a
manifest is rejected if its tokenizer or prompt templates differ from those of its training.
"""

import re
from functools import cached_property
from pathlib import Path
from typing import Any

from labs_schema.errors import ModelError
from labs_schema.frozen import Frozen
from prompts.base_models import find_named_base, weights_of
from prompts.manifest import FILE, ModelManifest, check_manifest, prompt_hash, read_manifest, tokenizer_hash
from prompts.style import PromptStyle
from prompts.tokenizer import check_available, load_tokenizer
from serving.calibration.calibration import Calibration, read_calibration
from serving.grading.provenance import ModelIdentity
from serving.model.weights import check_adapter_shapes, weights_hashes

HUB_ID = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?")


class ServedModel(Frozen):
    """`weights` and `tokenizer`: folders or a hub id. `name`: the model that training started from, otherwise this
    model's own. `adapter`: a LoRA adapter for `weights`. `head`: a head on the hidden states of `weights`.

    `manifest` is None for a model that was not trained here. `folder`: where to look for a calibration.
    """

    name: str
    weights: str
    tokenizer: str
    manifest: ModelManifest | None = None
    adapter: Path | None = None
    head: Path | None = None
    folder: Path | None = None


def open_model(path: str | Path, *, adapters: bool = False) -> ServedModel:
    """Finds the model at `path`; `adapters`: whether the engine can load an adapter onto its base.

    Raises ModelError if there is no model, if it has to be pulled first, or if it is an adapter that must be merged
    first.
    """
    if base := find_named_base(str(path)):
        return ServedModel(name=base.public_name, weights=base.source, tokenizer=base.source)
    folder = Path(path)
    if not folder.is_dir():
        if not HUB_ID.fullmatch(str(path)) or folder.exists():
            raise ModelError(
                f"{path}: no such folder, and not a hub id. Pass a run folder, a model folder or a hub id.",
                code="model-not-found",
            )
        return ServedModel(name=str(path), weights=str(path), tokenizer=str(path))
    if (folder / FILE).is_file() and not (folder / "config.json").is_file():
        return _run(folder, adapters)
    if (folder / "config.json").is_file():
        return _plain(folder)
    raise ModelError(
        f"{folder} contains no model: found neither {FILE} nor config.json. Pass a run folder or a model folder.",
        code="model-not-found",
    )


class FoundModel:
    """A model on disk whose tokenizer and prompt style match its manifest."""

    def __init__(self, model: ServedModel, tokenizer: Any, style: PromptStyle) -> None:
        self.model, self.tokenizer, self.style = model, tokenizer, style

    @cached_property
    def hashes(self) -> tuple[str, str]:
        """The hashes of the weights without and with the adapter or head. Reads all of them."""
        return weights_hashes(self.model.weights, self.model.adapter or self.model.head)

    @cached_property
    def calibration(self) -> Calibration | None:
        """Raises ModelError if it cannot be read."""
        return read_calibration(self.model.folder) if self.model.folder else None

    @property
    def identity(self) -> ModelIdentity:
        return ModelIdentity(
            base_model=self.model.name,
            model_hash=self.hashes[1],
            tokenizer_hash=tokenizer_hash(self.tokenizer),
            prompt_hash=prompt_hash(self.style, self.tokenizer),
        )


def find_model(path: str | Path, *, adapters: bool = False, style: PromptStyle | None = None) -> FoundModel:
    """The model at `path`, checked against its manifest. `style` is for models without a manifest, such as an untuned
    base. `adapters`: whether the engine can load an adapter onto its base.

    Raises ModelError if model or tokenizer cannot be used, or `style` is not the manifest's.
    """
    model = open_model(path, adapters=adapters)
    check_available(model.weights)
    if model.adapter:
        check_adapter_shapes(model.adapter, model.weights)
    tokenizer = load_tokenizer(model.tokenizer)
    if model.manifest:
        check_manifest(model.manifest, tokenizer)
        if style not in (None, model.manifest.style):
            raise ModelError(
                f"{path}: the prompt style does not match the model's manifest.", code="other-prompt-style"
            )
        style = model.manifest.style
    return FoundModel(model, tokenizer, style or PromptStyle())


def _plain(folder: Path) -> ServedModel:
    """Weights and tokenizer in one folder, with a manifest if they were trained here."""
    manifest = read_manifest(folder) if (folder / FILE).is_file() else None
    name = (manifest and _trained_from(manifest)) or folder.resolve().name
    return ServedModel(name=name, weights=str(folder), tokenizer=str(folder), manifest=manifest, folder=folder)


def _run(run: Path, adapters: bool) -> ServedModel:
    """Merged weights if there are any, otherwise the full weights, otherwise base and adapter."""
    manifest = read_manifest(run)
    name = _trained_from(manifest) or run.resolve().name
    if (run / "merged" / FILE).is_file():
        return _plain(run / "merged").model_copy(update={"name": name, "folder": run})
    found = ServedModel(
        name=name,
        weights=str(run / "model"),
        tokenizer=str(run / "tokenizer"),
        manifest=manifest,
        folder=run,
    )
    weights = weights_of(manifest.base_model, run)
    if manifest.head is not None:
        return found.model_copy(update={"weights": weights, "head": run / manifest.head})
    if manifest.adapter is None:
        if not (run / "model" / "config.json").is_file():
            raise ModelError(
                f"{run} has no weights: no model/ folder. Finish the run: grader train --resume {run}",
                code="run-unfinished",
            )
        return found
    if not adapters:
        raise ModelError(
            f"{run} contains an adapter, which must be merged into its base first: grader merge {run}",
            code="adapter-unmerged",
        )
    return found.model_copy(update={"weights": weights, "adapter": run / manifest.adapter})


def _trained_from(manifest: ModelManifest) -> str:
    """The base model's name; empty if the manifest only refers to its own folder."""
    return manifest.trained_from or ("" if manifest.base_model == "." else manifest.base_model)
