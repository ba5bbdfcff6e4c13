"""The table of base models is readable in a terminal of 80 columns."""

from io import StringIO

from rich.console import Console

from grader.tables.models import KnownModel, models_table
from prompts.base_models import PRESETS


def test_names_sources_and_licences_fit_80_columns() -> None:
    models = [
        KnownModel(
            name=each.name,
            source=each.source,
            licence=each.licence,
            context_length=each.context_length,
            size_bytes=44_500_000_000,
            state="damaged",
        )
        for each in PRESETS.values()
    ]
    shown = StringIO()
    Console(file=shown, width=80).print(models_table(models))
    text = shown.getvalue()
    assert "…" not in text and all(each.name in text and each.source in text for each in models)
    assert all(word in text for each in models for word in (each.licence or "").split())
