"""What a report's first table says was measured: the run, the work, the day, the command. Reads a run folder."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import chain
from pathlib import Path

from labs_schema.models import Lab
from prompts.manifest import read_manifest
from serving.measures.decisions import Decision
from training.run_folder import RunFolder


def facts(
    decisions: Mapping[str, Sequence[Decision]], labs: Mapping[str, Lab], run: Path | None, command: str | None
) -> dict[str, str]:
    """Label -> what it was, in the order shown. Raises ModelError where `run` is no run folder."""
    found = {}
    if run is not None:
        found = run_facts(run)
    for group, members in decisions.items():
        students = len({d.student for d in members})
        work = len({(d.lab, d.student) for d in members})
        found[group.capitalize()] = f"{len(members):,} decisions on {work:,} submissions of {students:,} students"
    measured = {d.lab for d in chain(*decisions.values())}
    found["Labs"] = ", ".join(f"{name} ({labs[name].language})" for name in sorted(measured))
    found["Written"] = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, by grader {version('grader')}"
    if command:
        found["Command"] = command
    return found


def run_facts(run: Path) -> dict[str, str]:
    """The run's name, its model, and what it was trained on."""
    manifest = read_manifest(run)
    dataset = RunFolder(run).read_dataset_manifest()
    base = Path(manifest.trained_from or manifest.base_model).name
    trained = [len(split.train) for split in dataset.labs.values()]
    return {
        "Run": run.resolve().name,
        "Base model": f"{base} ({manifest.base_licence or 'licence not known'})",
        "Tuned by": ", then ".join(manifest.stages) or "nothing",
        "Trained on": f"{sum(trained):,} submissions of {sum(map(bool, trained)):,} labs",
    }
