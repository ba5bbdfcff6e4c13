"""Opens a `Grader` for a model on disk: its engine, and the prompts that it was trained with."""

from pathlib import Path
from typing import Any

from labs_schema.frozen import Frozen
from prompts.encode import OnOverlong, PromptEncoder
from prompts.style import PromptStyle
from serving.engines.adapters import SharedBases
from serving.engines.engine import EngineOptions
from serving.engines.engine_choice import EngineName, choose_engine, open_engine
from serving.engines.vllm_platform import has_gpu
from serving.grading.grader import Grader
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
    model, manifest = found.model, found.model.manifest
    calibration = found.calibration if options.thresholds is None else None
    # Hashing reads all weights, so it is done only where the hashes identify servers or shared bases.
    needs_hashes = choose_engine(options.engine) == "http" or bases is not None
    model_hash, adapter_hash = found.hashes if needs_hashes else ("", "")
    engine_options = EngineOptions(
        weights=model.weights,
        tokenizer=model.tokenizer,
        context_length=options.context_length or (manifest.context_length if manifest else None),
        dtype=options.dtype,
        adapter=model.adapter,
        model_hash=model_hash,
        adapter_hash=adapter_hash,
    )
    engine = open_engine(options.engine, engine_options, bases=bases, skip_other_models=skip_other_models)
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
