"""A `Grader` over a model that was found on disk: its engine opened, its prompts those it was trained with."""

from pathlib import Path
from typing import Any

from prompts.encode import OnOverlong, PromptEncoder
from prompts.style import PromptStyle
from serving.engines.adapters import AdapterBases
from serving.engines.engine_choice import EngineName, choose_engine, open_engine
from serving.engines.vllm_platform import has_gpu
from serving.grading.grader import Grader
from serving.model.folder import FoundModel, find_model
from serving.scoring.triage import Thresholds


def takes_adapters(engine: EngineName) -> bool:
    """Whether this engine puts adapters on their base here: CPUs are far quicker with merged weights."""
    chosen = choose_engine(engine)
    return chosen == "http" or (chosen == "vllm" and has_gpu())


def load_grader(
    path: str | Path,
    *,
    engine: EngineName = "auto",
    dtype: str = "bfloat16",
    context_length: int | None = None,
    on_overlong: OnOverlong | None = None,
    style: PromptStyle | None = None,
    thresholds: Thresholds | None = None,
    orders: int | None = None,
    verification_pass: bool = True,
) -> Grader:
    """The model at `path`, ready to grade: the one way in for the command line, the service and the experiments.

    `context_length` (tokens), `on_overlong` and `style` default to the manifest's. `thresholds` stand in for the
    model's calibration. `orders` of the ratings to ask in: by default as many as the calibration was made with, else 1.
    Raises ModelError where model, tokenizer, calibration or engine cannot be used, before weights are loaded where that
    can be known.
    """
    found = find_model(path, adapters=takes_adapters(engine), style=style)
    return open_grader(
        found,
        engine=engine,
        dtype=dtype,
        context_length=context_length,
        on_overlong=on_overlong,
        thresholds=thresholds,
        orders=orders,
        verification_pass=verification_pass,
    )


def open_grader(
    found: FoundModel,
    *,
    engine: EngineName = "auto",
    dtype: str = "bfloat16",
    context_length: int | None = None,
    on_overlong: OnOverlong | None = None,
    thresholds: Thresholds | None = None,
    orders: int | None = None,
    verification_pass: bool = True,
    bases: AdapterBases[Any] | None = None,
    among: bool = False,
) -> Grader:
    """As `load_grader`. `bases`: those that are open already; `among`: servers of other models are left out."""
    model, manifest = found.model, found.model.manifest
    calibration = found.calibration if thresholds is None else None
    named = choose_engine(engine) == "http" or bases is not None
    base_hash, adapter_hash = found.hashes if named else ("", "")
    opened = open_engine(
        engine,
        model.weights,
        tokenizer=model.tokenizer,
        context_length=context_length or (manifest.context_length if manifest else None),
        dtype=dtype,
        adapter=model.adapter,
        model_hash=base_hash,
        adapter_hash=adapter_hash,
        bases=bases,
        among=among,
    )
    encoder = PromptEncoder(
        found.tokenizer,
        context_length=opened.context_length,
        on_overlong=on_overlong or (manifest.on_overlong if manifest else "error"),
    )
    return Grader(
        opened,
        encoder,
        found.style,
        found.identity,
        thresholds,
        calibration=calibration,
        orders=orders or (calibration.graded_with.orders if calibration else 1),
        verification_pass=verification_pass,
    )
