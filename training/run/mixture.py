"""The files that a run learns from: opened, their manifests joined, their examples weighed. Knows no model."""

import hashlib
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np

from labs_schema.errors import InputError, Issue, ModelError
from labs_schema.frozen import Frozen
from prompts.encode import PromptEncoder
from prompts.style import PromptStyle
from training.config import DatasetPart
from training.dataset.examples import Loaded, TrainingExample, load_examples, load_foreign
from training.dataset.files import file_hash, read_dataset_manifest, read_pairs
from training.dataset.foreign_rows import RowName, format_of, read_foreign
from training.dataset.rows import DatasetManifest, LabSplit, OutputFile
from training.run.opened_dataset import check_file, open_data


class Part(Frozen):
    """`manifest`: the one of `build-dataset` beside the file, None for other programs' files."""

    path: Path
    format: RowName
    weight: float
    sha256: str
    manifest: DatasetManifest | None


class Mixture(Frozen):
    """`sha256`: of the only file, or of all files' hashes and weights. `manifest`: of all parts together."""

    parts: tuple[Part, ...]
    sha256: str
    manifest: DatasetManifest

    @property
    def is_foreign(self) -> bool:
        """Whether any part is not in `build-dataset`'s own format."""
        return any(part.format != "pairs" for part in self.parts)


def open_mixture(parts: Sequence[DatasetPart]) -> Mixture:
    """Raises InputError or ModelError for files that are missing, changed, unknown or of unlike prompt styles."""
    opened: list[Part] = []
    issues: list[Issue] = []
    for part in parts:
        try:
            opened.append(_open(part))
        except InputError as error:
            issues.extend(error.issues)
    if issues:
        raise InputError(issues)
    manifests = [part.manifest for part in opened if part.manifest]
    if len(opened) == 1 and opened[0].weight == 1:
        sha256 = opened[0].sha256
    else:
        lines = "".join(f"{part.sha256} {part.format} {part.weight!r}\n" for part in opened)
        sha256 = hashlib.sha256(lines.encode()).hexdigest()
    return Mixture(parts=tuple(opened), sha256=sha256, manifest=joined(manifests))


def load_mixture(mixture: Mixture, encoder: PromptEncoder, *, on_overlong: str, seed: int) -> Loaded:
    """The examples of all parts by their weights. `skip` leaves out and counts what does not fit; so does `middle` with
    other programs' rows, which have no code to cut. Raises InputError, OverlongError, ModelError."""
    examples: list[TrainingExample] = []
    skipped: list[tuple[str, str]] = []
    for number, part in enumerate(mixture.parts):
        if part.format == "pairs":
            loaded = load_examples(read_pairs(part.path), encoder, "skip" if on_overlong == "skip" else "error")
        else:
            rows = read_foreign(part.path, part.format)
            loaded = load_foreign(rows, part.path.name, encoder, skip_overlong=on_overlong != "error")
        examples.extend(weighed(loaded.examples, part.weight, (seed, number)))
        skipped.extend(loaded.skipped)
    return Loaded(tuple(examples), tuple(skipped))


def weighed(examples: Sequence[TrainingExample], weight: float, seed: Sequence[int]) -> list[TrainingExample]:
    """Each example `weight` times, rounded down; the rest of the weight as a share of them, drawn by `seed`."""
    whole, rest = divmod(weight, 1)
    drawn = np.random.default_rng(seed).permutation(len(examples))[: round(rest * len(examples))]
    return [*examples] * int(whole) + [examples[i] for i in sorted(drawn.tolist())]


def joined(manifests: Sequence[DatasetManifest]) -> DatasetManifest:
    """One manifest for several data sets; for none (other programs' rows only) one with the default prompt style.

    A submission that any of them trains on counts as trained on. Raises ModelError where their prompts differ.
    """
    if len(manifests) == 1:
        return manifests[0]
    if len({manifest.style.model_dump_json() for manifest in manifests}) > 1:
        raise ModelError("the data sets of a run must have one prompt style: build them with the same --prompt.")
    trained = {(name, s) for m in manifests for name, split in m.labs.items() for s in split.train}
    labs: dict[str, LabSplit] = {}
    for name in dict.fromkeys(name for manifest in manifests for name in manifest.labs):
        splits = [manifest.labs[name] for manifest in manifests if name in manifest.labs]
        learned = sorted({s for split in splits for s in split.train})
        kept = sorted({s for split in splits for s in split.test} - set(learned))
        aside = sorted({s for split in splits for s in split.set_aside} - set(learned) - set(kept))
        labs[name] = LabSplit(train=tuple(learned), test=tuple(kept), set_aside=tuple(aside))
    shielded = {lab for m in manifests for lab in m.eval_labs} - {name for name, _ in trained}
    outputs: dict[str, OutputFile] = {
        f"{number}/{name}": output for number, m in enumerate(manifests) for name, output in m.outputs.items()
    }
    return DatasetManifest(
        grader_version=version("grader"),
        format=manifests[0].format if manifests else "messages",
        seed=manifests[0].seed if manifests else 0,
        train_split=manifests[0].train_split if manifests else 1.0,
        style=manifests[0].style if manifests else PromptStyle(),
        reasoning=any(manifest.reasoning for manifest in manifests),
        option_order="shuffled" if any(manifest.option_order == "shuffled" for manifest in manifests) else "given",
        eval_labs=tuple(sorted(shielded)),
        labs=labs,
        inputs={name: sha256 for manifest in manifests for name, sha256 in manifest.inputs.items()},
        outputs=outputs,
    )


def _open(part: DatasetPart) -> Part:
    path = Path(part.path)
    path = path / "train.jsonl" if path.is_dir() else path
    name = format_of(path)
    if name == "pairs":
        data = open_data(path)
        return Part(path=path, format=name, weight=part.weight, sha256=data.sha256, manifest=data.manifest)
    manifest = _manifest_beside(path)
    sha256 = check_file(path, manifest) if manifest else file_hash(path)
    return Part(path=path, format=name, weight=part.weight, sha256=sha256, manifest=manifest)


def _manifest_beside(path: Path) -> DatasetManifest | None:
    """The manifest of `build-dataset` that names this file: it writes other programs' formats too."""
    try:
        manifest = read_dataset_manifest(path)
    except InputError:
        return None
    return manifest if path.name in manifest.outputs else None
