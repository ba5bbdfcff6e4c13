"""Which weights, tokenizer and manifest a path stands for, checked against each other. Loads no weights.

A run folder, merged weights, a plain Hugging Face folder or a hub id are all found alike. A model with a manifest is
taken only with the tokenizer and the wording it was trained with.
"""

import re
from functools import cached_property
from pathlib import Path
from typing import Any

from labs_schema.errors import ModelError
from labs_schema.frozen import Frozen
from prompts.hub import check_available
from prompts.manifest import FILE, ModelManifest, check_manifest, prompt_hash, read_manifest, tokenizer_hash
from prompts.style import PromptStyle
from serving.calibration.calibration import Calibration, read_calibration
from serving.grading.provenance import ModelIdentity
from serving.model.adapter_shapes import check_shapes
from serving.model.weights_hash import weights_hashes

HUB_ID = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?")


class ServedModel(Frozen):
    """`weights` and `tokenizer`: folders or a hub id. `name`: the model that the training began with, else this one's
    own. `adapter`: to be put on `weights`.

    `manifest` is None for a model that was not trained here. `folder`: where a calibration lies, if there is one.
    """

    name: str
    weights: str
    tokenizer: str
    manifest: ModelManifest | None = None
    adapter: Path | None = None
    folder: Path | None = None


def open_model(path: str | Path, *, adapters: bool = False) -> ServedModel:
    """Finds what is to be served at `path`; `adapters` says whether the engine can put one on its base.

    Raises ModelError where there is no model, or only an adapter that must be merged first.
    """
    folder = Path(path)
    if not folder.is_dir():
        if not HUB_ID.fullmatch(str(path)) or folder.exists():
            raise ModelError(
                f"{path}: no such folder, and not a hub id. Give a run folder, a model folder or a hub id."
            )
        return ServedModel(name=str(path), weights=str(path), tokenizer=str(path))
    if (folder / FILE).is_file() and not (folder / "config.json").is_file():
        return _run(folder, adapters)
    if (folder / "config.json").is_file():
        return _plain(folder)
    raise ModelError(f"{folder} holds no model: found neither {FILE} nor config.json. Give a run folder or a model.")


class FoundModel:
    """A model whose tokenizer and wording are those of its manifest; its weights are on the disk alone."""

    def __init__(self, model: ServedModel, tokenizer: Any, style: PromptStyle) -> None:
        self.model, self.tokenizer, self.style = model, tokenizer, style

    @cached_property
    def hashes(self) -> tuple[str, str]:
        """Of the weights without and with the adapter; reads them whole."""
        return weights_hashes(self.model.weights, self.model.adapter)

    @cached_property
    def calibration(self) -> Calibration | None:
        """Raises ModelError where there is one that cannot be read."""
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
    """The model at `path`, checked against its manifest. A model without one, such as an untuned base, takes `style`;
    with one, only its own will do. `adapters`: whether the engine can put one on its base.

    Raises ModelError where model or tokenizer cannot be used.
    """
    model = open_model(path, adapters=adapters)
    check_available(model.weights)
    if model.adapter:
        check_shapes(model.adapter, model.weights)
    tokenizer = load_tokenizer(model.tokenizer)
    if model.manifest:
        check_manifest(model.manifest, tokenizer)
        if style not in (None, model.manifest.style):
            raise ModelError(f"{path} was trained with another prompt style; it is served only with that one.")
        style = model.manifest.style
    return FoundModel(model, tokenizer, style or PromptStyle())


def load_tokenizer(source: str) -> Any:
    """Of a folder or a hub id. Raises ModelError where there is none that can be used."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(source)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{source}: it has no tokenizer that can be used: {error}") from error


def _plain(folder: Path) -> ServedModel:
    """Weights and tokenizer side by side, with a manifest where they were trained here."""
    manifest = read_manifest(folder) if (folder / FILE).is_file() else None
    name = (manifest and _trained_from(manifest)) or folder.resolve().name
    return ServedModel(name=name, weights=str(folder), tokenizer=str(folder), manifest=manifest, folder=folder)


def _run(run: Path, adapters: bool) -> ServedModel:
    """Merged weights where there are any, else the full weights, else base and adapter."""
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
    if manifest.adapter is None:
        if not (run / "model" / "config.json").is_file():
            raise ModelError(f"{run} has no weights: found no model/. Finish it with: grader train --resume {run}")
        return found
    if not adapters:
        raise ModelError(f"{run} holds an adapter, which must be merged into its base first. Run: grader merge {run}")
    base = run / manifest.base_model
    weights = str(base) if base.is_dir() else manifest.base_model
    return found.model_copy(update={"weights": weights, "adapter": run / manifest.adapter})


def _trained_from(manifest: ModelManifest) -> str:
    """Empty where only the folder itself is named. Manifests of earlier versions name no more than `base_model`."""
    return manifest.trained_from or ("" if manifest.base_model == "." else manifest.base_model)
