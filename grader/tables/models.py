"""The table of base models that `grader model list` prints."""

from rich.box import SIMPLE_HEAD
from rich.table import Column, Table

from grader.terminal import printable
from labs_schema.errors import ModelError
from labs_schema.frozen import Frozen
from prompts.base_models import PRESETS, BaseModelSource, NotPulledError, find_named_base
from prompts.model_cache import CachedModel, cached_models
from prompts.tokenizer import in_hub_cache

BYTES_PER_WEIGHT = 2


class KnownModel(Frozen):
    """`context_length` in tokens. `size_bytes`: of the weights in bfloat16. `state`: present, absent or damaged."""

    name: str
    source: str
    licence: str | None
    context_length: int | None
    size_bytes: int | None
    state: str
    warning: str | None = None


def known_models() -> list[KnownModel]:
    """All presets, then the converted models of the cache that are not presets."""
    converted = [record for record in cached_models() if record.name not in PRESETS]
    return [*map(_preset, PRESETS.values()), *map(_converted, converted)]


def _preset(preset: BaseModelSource) -> KnownModel:
    return KnownModel(
        name=preset.name,
        source=preset.package.requirement if preset.package else preset.source,
        licence=preset.licence,
        context_length=preset.context_length,
        size_bytes=preset.parameters and preset.parameters * BYTES_PER_WEIGHT,
        state=_cache_state(preset.name) if preset.package else _hub_state(preset.source),
        warning=preset.warning,
    )


def _hub_state(source: str) -> str:
    return "present" if in_hub_cache(source) else "absent"


def _cache_state(name: str) -> str:
    try:
        return "present" if find_named_base(name) else "absent"
    except NotPulledError:
        return "absent"
    except ModelError:
        return "damaged"


def _converted(record: CachedModel) -> KnownModel:
    return KnownModel(
        name=record.name,
        source=record.source,
        licence=record.licence,
        context_length=record.context_length,
        size_bytes=record.size_bytes,
        state=_cache_state(record.name),
    )


def models_table(models: list[KnownModel]) -> Table:
    """Fits 80 columns: the source is below the name."""
    table = Table(
        Column("Model", no_wrap=True),
        Column("Licence"),
        Column("Context", justify="right", no_wrap=True),
        Column("Size", justify="right", no_wrap=True),
        Column("Present", no_wrap=True),
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    for each in models:
        length = f"{each.context_length:,}" if each.context_length else ""
        size = f"{each.size_bytes / 1e9:.1f} GB" if each.size_bytes else ""
        present = {"present": "yes", "absent": "no"}.get(each.state, each.state)
        name = f"{printable(each.name)}\n[dim]{printable(each.source)}[/]"
        table.add_row(name, *map(printable, (each.licence or "not stated", length, size, present)))
    return table
