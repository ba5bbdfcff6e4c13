"""Opens a `Grader` for a model on disk: its engine, and the prompts that it was trained with."""

from pathlib import Path
from typing import Any

from labs_schema.errors import ModelError
from labs_schema.frozen import Frozen
from prompts.encode import OnOverlong, PromptEncoder
from prompts.style import PromptStyle
from serving.engines.adapters import SharedBases
from serving.engines.engine import Engine, EngineOptions
from serving.engines.engine_choice import EngineName, choose_engine, open_engine
from serving.engines.vllm_platform import has_gpu
from serving.grading.grader import Grader
from serving.head.head import read_head
from serving.head.head_engine import FEATURE_VERSIONS, HeadEngine, hidden_states
from serving.model.folder import FoundModel, find_model
from serving.scoring.triage import Thresholds


class GraderOptions(Frozen):
    """Options for serving a model.

    `context_length` (tokens) and `on_overlong` default to the manifest's. `thresholds` replace the model's
    calibration. `orders`: number of option orders to average over (default: as many as the calibration was made with,
    otherwise 1).
    """

    engine: EngineName = "auto"
    dtype: str = "bfloat16"
    context_length: int | None = None
    on_overlong: OnOverlong | None = None
    thresholds: Thresholds | None = None
    orders: int | None = None
    verification_pass: bool = True


def uses_adapters(engine: EngineName) -> bool:
    """Whether this engine loads adapters onto their base on this machine. CPUs are much faster with merged weights."""
    chosen = choose_engine(engine)
    return chosen == "http" or (chosen == "vllm" and has_gpu())


def load_grader(path: str | Path, options: GraderOptions | None = None, *, style: PromptStyle | None = None) -> Grader:
    """The model at `path`, ready to grade. `style`: the prompt style of a model without a manifest.

    Raises ModelError if model, tokenizer, calibration or engine cannot be used; before weights are loaded where
    possible.
    """
    options = options or GraderOptions()
    return open_grader(find_model(path, adapters=uses_adapters(options.engine), style=style), options)


def open_grader(
    found: FoundModel,
    options: GraderOptions,
    *,
    bases: SharedBases[Any] | None = None,
    skip_other_models: bool = False,
) -> Grader:
    """Like `load_grader`, for a model that was found already; `bases` and `skip_other_models` as in `open_engine`."""
    manifest = found.model.manifest
    calibration = found.calibration if options.thresholds is None else None
    if found.model.head:
        engine: Engine = _open_head(found, found.model.head, options)
    else:
        opened = engine_options(found, options, needs_hashes=bases is not None)
        engine = open_engine(options.engine, opened, bases=bases, skip_other_models=skip_other_models)
    encoder = PromptEncoder(
        found.tokenizer,
        context_length=engine.context_length,
        on_overlong=options.on_overlong or (manifest.on_overlong if manifest else "error"),
    )
    return Grader(
        engine,
        encoder,
        found.style,
        found.identity,
        options.thresholds,
        calibration=calibration,
        orders=options.orders or (calibration.graded_with.orders if calibration else 1),
        verification_pass=options.verification_pass,
    )


def engine_options(found: FoundModel, options: GraderOptions, *, needs_hashes: bool) -> EngineOptions:
    """`needs_hashes`: the engine shares a base with others."""
    model, manifest = found.model, found.model.manifest
    # Hashing reads all weights, so it is done only where the hashes identify servers or shared bases.
    needs_hashes = needs_hashes or choose_engine(options.engine) == "http"
    model_hash, adapter_hash = found.hashes if needs_hashes else ("", "")
    return EngineOptions(
        weights=model.weights,
        tokenizer=model.tokenizer,
        context_length=options.context_length or (manifest.context_length if manifest else None),
        dtype=options.dtype,
        adapter=model.adapter,
        model_hash=model_hash,
        adapter_hash=adapter_hash,
    )


def _open_head(found: FoundModel, folder: Path, options: GraderOptions) -> HeadEngine:
    """Raises ModelError if the base model or the features differ from those of the fit."""
    head, manifest = read_head(folder), found.model.manifest
    if head.info.feature_versions != FEATURE_VERSIONS:
        raise ModelError(
            f"The head {folder} was fitted on other features of programs (versions {head.info.feature_versions}) than "
            f"this version of grader reads ({FEATURE_VERSIONS}). Fit it again: grader train, or grader label.",
            code="outdated-head",
        )
    if head.info.base_hash != found.hashes[0]:
        raise ModelError(
            f"{found.model.weights} has changed since the head {folder} was fitted on it: found "
            f"{found.hashes[0][:12]}, expected {head.info.base_hash[:12]}. Restore the base model, or fit the head "
            "again: grader train.",
            code="model-changed",
        )
    states = hidden_states(found.model.weights, found.tokenizer, head.info.base_hash, head.info.layers, head.info.dtype)
    context_length = options.context_length or (manifest.context_length if manifest else 0)
    return HeadEngine(head, states, context_length)
