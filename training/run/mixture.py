"""The datasets of a run: opened, checked against their manifests, joined, and weighted."""

import hashlib
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np

from labs_schema.errors import InputError, Issue, ModelError, raise_errors
from labs_schema.frozen import Frozen
from labs_schema.hashes import file_hash
from prompts.encode import PromptEncoder
from prompts.style import PromptStyle
from training.config import DatasetPart
from training.dataset.examples import LoadedExamples, TrainingExample, load_examples, load_external
from training.dataset.external_rows import RowName, detect_format, read_external
from training.dataset.manifest import DatasetManifest, LabSplit, OutputFile, read_dataset_manifest
from training.dataset.row_formats import read_pairs


class OpenedPart(Frozen):
    """A training file. `manifest`: that of `build-dataset` in its folder, None for external files."""

    path: Path
    format: RowName
    weight: float
    sha256: str
    manifest: DatasetManifest | None


class Mixture(Frozen):
    """`sha256`: of the only file, or of all files' hashes and weights. `manifest`: of all parts together."""

    parts: tuple[OpenedPart, ...]
    sha256: str
    manifest: DatasetManifest

    @property
    def has_external(self) -> bool:
        """Whether any part is not in the format of `build-dataset`."""
        return any(part.format != "pairs" for part in self.parts)


class OpenedDataset(Frozen):
    """A training file of preference pairs, its SHA-256 and its manifest."""

    path: Path
    sha256: str
    manifest: DatasetManifest


def open_dataset(dataset: Path) -> OpenedDataset:
    """`dataset`: the training file, or a folder with `train.jsonl`. Raises InputError, or ModelError if the file
    differs from its manifest or has another format."""
    path = dataset / "train.jsonl" if dataset.is_dir() else dataset
    manifest = read_dataset_manifest(path)
    if manifest.format != "dpo":
        raise ModelError(
            f"{path}: its format is {manifest.format}. Build it again with --format dpo to train on it.",
            code="dataset-format",
        )
    return OpenedDataset(path=path, sha256=check_file(path, manifest), manifest=manifest)


def open_mixture(parts: Sequence[DatasetPart]) -> Mixture:
    """Raises InputError or ModelError for missing, changed or unknown files, or different prompt styles."""
    opened: list[OpenedPart] = []
    issues: list[Issue] = []
    for part in parts:
        try:
            opened.append(_open(part))
        except InputError as error:
            issues.extend(error.issues)
    raise_errors(issues)
    manifests = [part.manifest for part in opened if part.manifest]
    if len(opened) == 1 and opened[0].weight == 1:
        sha256 = opened[0].sha256
    else:
        lines = "".join(f"{part.sha256} {part.format} {part.weight!r}\n" for part in opened)
        sha256 = hashlib.sha256(lines.encode()).hexdigest()
    return Mixture(parts=tuple(opened), sha256=sha256, manifest=joined(manifests))


def load_mixture(mixture: Mixture, encoder: PromptEncoder, *, on_overlong: str, seed: int) -> LoadedExamples:
    """The examples of all parts by their weights. `skip` skips and counts what does not fit. So does `middle` for
    external rows, which have no code to cut. Raises InputError, OverlongError, ModelError."""
    examples: list[TrainingExample] = []
    skipped: list[tuple[str, str]] = []
    for number, part in enumerate(mixture.parts):
        if part.format == "pairs":
            loaded = load_examples(read_pairs(part.path), encoder, "skip" if on_overlong == "skip" else "error")
        else:
            rows = read_external(part.path, part.format)
            loaded = load_external(rows, part.path.name, encoder, skip_overlong=on_overlong != "error")
        examples.extend(weighted(loaded.examples, part.weight, (seed, number)))
        skipped.extend(loaded.skipped)
    return LoadedExamples(tuple(examples), tuple(skipped))


def weighted(examples: Sequence[TrainingExample], weight: float, seed: Sequence[int]) -> list[TrainingExample]:
    """Each example floor(`weight`) times, and the fraction of the weight as a random share of them once more."""
    repeats, fraction = divmod(weight, 1)
    drawn = np.random.default_rng(seed).permutation(len(examples))[: round(fraction * len(examples))]
    return [*examples] * int(repeats) + [examples[i] for i in sorted(drawn.tolist())]


def joined(manifests: Sequence[DatasetManifest]) -> DatasetManifest:
    """One manifest for several datasets; without any (external rows only), one with the default prompt style.

    A submission that any of them trains on counts as trained on. Raises ModelError if their prompt styles differ.
    """
    if len(manifests) == 1:
        return manifests[0]
    if len({manifest.style.model_dump_json() for manifest in manifests}) > 1:
        raise ModelError(
            "the datasets of a run must have one prompt style: build them with the same --prompt.",
            code="other-prompt-style",
        )
    trained = {(name, s) for m in manifests for name, split in m.labs.items() for s in split.train}
    labs: dict[str, LabSplit] = {}
    for name in dict.fromkeys(name for manifest in manifests for name in manifest.labs):
        splits = [manifest.labs[name] for manifest in manifests if name in manifest.labs]
        train = sorted({s for split in splits for s in split.train})
        learned = {s for split in splits for s in split.learned}
        dev = sorted({s for split in splits for s in split.dev} - learned)
        test = sorted({s for split in splits for s in split.test} - learned - set(dev))
        aside = sorted({s for split in splits for s in split.set_aside} - learned - set(dev) - set(test))
        soft = sorted({s for split in splits for s in split.soft} - set(train))
        labs[name] = LabSplit(
            train=tuple(train), dev=tuple(dev), test=tuple(test), set_aside=tuple(aside), soft=tuple(soft)
        )
    eval_labs = {lab for m in manifests for lab in m.eval_labs} - {name for name, _ in trained}
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
        eval_labs=tuple(sorted(eval_labs)),
        labs=labs,
        inputs={name: sha256 for manifest in manifests for name, sha256 in manifest.inputs.items()},
        outputs=outputs,
    )


def _open(part: DatasetPart) -> OpenedPart:
    path = Path(part.path)
    path = path / "train.jsonl" if path.is_dir() else path
    name = detect_format(path)
    if name == "pairs":
        data = open_dataset(path)
        return OpenedPart(path=path, format=name, weight=part.weight, sha256=data.sha256, manifest=data.manifest)
    manifest = _manifest_of_export(path)
    sha256 = check_file(path, manifest) if manifest else file_hash(path)
    return OpenedPart(path=path, format=name, weight=part.weight, sha256=sha256, manifest=manifest)


def _manifest_of_export(path: Path) -> DatasetManifest | None:
    """The manifest that names this file: `build-dataset` writes external formats too."""
    try:
        manifest = read_dataset_manifest(path)
    except InputError:
        return None
    return manifest if path.name in manifest.outputs else None


def check_file(path: Path, manifest: DatasetManifest) -> str:
    """The SHA-256 of `path`. Raises ModelError if it differs from the one in `manifest`."""
    written, found = manifest.outputs.get(path.name), file_hash(path) if path.is_file() else "no file"
    if written is None or written.sha256 != found:
        raise ModelError(
            f"{path}: differs from its manifest (found {found}). Run grader build-dataset again.", code="changed-output"
        )
    return found
