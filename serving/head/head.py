"""A head's weights: how it rates a program, and its files `head.json` and `head.safetensors`."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from labs_schema.errors import ModelError
from labs_schema.files.atomic import write_atomically
from labs_schema.frozen import Frozen
from labs_schema.models import Criterion
from prompts.messages import option_text
from serving.head.evidence_features import Evidence, EvidenceMatrix, evidence_matrix
from serving.head.hidden_states import Hidden
from serving.head.text_features import Ngrams, Vocabulary, text_matrix

INFO, WEIGHTS = "head.json", "head.safetensors"
SIMILARITY_TEMPERATURE = 0.1
"""The temperature of the softmax over the similarities of known criteria to a new one."""
SOURCES = ("code tokens", "model features", "lab", "evidence")
Floats = NDArray[np.float64]
Embed = Callable[[str], Hidden]
"""Text -> its hidden states (d,)."""


class HeadCriterion(Frozen):
    """A criterion that the head was fitted on: its title and the titles of its ratings, in order."""

    title: str
    ratings: tuple[str, ...]


class HeadInfo(Frozen):
    """The contents of `head.json`.

    `base_hash`: SHA-256 of the weights that give the hidden states of `layers`, computed in `dtype`. `labs`: the labs
    whose programs it saw; `rated`: lab -> number of its ratings that it was fitted on; `evidence`: names of evidence
    features.
    """

    version: Literal[1] = 1
    grader_version: str
    base_model: str
    base_hash: str
    layers: tuple[int, ...]
    dtype: str
    feature_versions: tuple[int, ...]
    dataset_hash: str
    settings: dict[str, float]
    seed: int
    labs: tuple[str, ...]
    rated: dict[str, int]
    criteria: tuple[HeadCriterion, ...]
    evidence: tuple[str, ...] = ()


class Program(NamedTuple):
    """The features of one program before scaling. `hidden` (d,)."""

    ngrams: Ngrams
    hidden: Hidden
    evidence: Evidence


class ProgramFeatures(NamedTuple):
    """The features of n programs: `text` (n, f), sparse; `hidden` (n, d), standardised."""

    text: Any
    hidden: Floats
    evidence: EvidenceMatrix


class CriterionWeights(NamedTuple):
    """Weights of shapes (f, ratings), (d, ratings), (labs + 1, ratings), (labs + 1,), (e, ratings), (1,), (labs + 1,)
    and (d,).

    The last row of `labs` and `sharpness` is for unknown labs: all log-probabilities are multiplied by the sharpness.
    Those of an observed program are multiplied by `base_share`, added to those of its evidence, and both multiplied by
    `evidence_sharpness`. `embedding`: the hidden states of the criterion's text.
    """

    text_weights: NDArray[np.float32]
    hidden_weights: NDArray[np.float32]
    labs: NDArray[np.float32]
    sharpness: NDArray[np.float32]
    evidence_weights: NDArray[np.float32]
    base_share: NDArray[np.float32]
    evidence_sharpness: NDArray[np.float32]
    embedding: Hidden


class Prediction(NamedTuple):
    """`logprobs` (ratings,). `sources`: what each adds to the log-odds of the chosen rating against the next one."""

    logprobs: Floats
    sources: Mapping[str, float]


@dataclass(frozen=True)
class Head:
    """`mean` and `scale` (d,) standardise hidden states."""

    info: HeadInfo
    vocabulary: Vocabulary
    mean: Hidden
    scale: Hidden
    weights: tuple[CriterionWeights, ...]

    def predict(self, program: Program, lab: str, criterion: Criterion, embed: Embed) -> Prediction | None:
        """The log-probabilities of the criterion's ratings for one program; None as in `logits`."""
        features = ProgramFeatures(
            text_matrix([program.ngrams], self.vocabulary),
            self.standardised(program.hidden[None]),
            evidence_matrix([program.evidence], self.info.evidence),
        )
        parts = self.logits(features, lab, criterion, embed)
        if parts is None:
            return None
        total: Floats = np.sum([*parts.values()], axis=0)[0]
        first, second = np.argsort(-total, kind="stable")[:2]
        sources = {name: round(float(part[0, first] - part[0, second]), 4) for name, part in parts.items()}
        return Prediction(total - np.logaddexp.reduce(total), sources)

    def standardised(self, hidden: Hidden) -> Floats:
        found: Floats = (hidden.astype(np.float64) - self.mean) * self.scale
        return found

    def logits(
        self, programs: ProgramFeatures, lab: str, criterion: Criterion, embed: Embed
    ) -> dict[str, Floats] | None:
        """Source -> what it adds to the log-probabilities (n, ratings) of n programs, up to a constant for each.

        A criterion that was not trained on gets the mean over the known ones with as many ratings, weighted by how
        similar their texts are (`embed` gives the states of a text); None if there is none. The source `evidence` is
        left out if none of the programs was observed.
        """
        mixture = self._mixture(criterion, embed)
        if not mixture:
            return None
        place = self.info.labs.index(lab) if lab in self.info.labs else -1
        observed = programs.evidence.observed[:, None]
        parts = {name: np.zeros((len(observed), len(criterion.ratings))) for name in SOURCES}
        for i, share in mixture:
            each = self.weights[i]
            in_lab = share * np.where(observed, each.evidence_sharpness[place], 1.0)
            of_base = in_lab * each.sharpness[place] * np.where(observed, each.base_share[0], 1.0)
            parts["code tokens"] += of_base * (programs.text @ each.text_weights)
            parts["model features"] += of_base * (programs.hidden @ each.hidden_weights)
            parts["lab"] += of_base * each.labs[place]
            parts["evidence"] += in_lab * (programs.evidence.values @ each.evidence_weights)
        return parts if observed.any() else {name: part for name, part in parts.items() if name != "evidence"}

    def _mixture(self, criterion: Criterion, embed: Embed) -> list[tuple[int, float]]:
        """Indices of known criteria with their shares."""
        titles = tuple(rating.title for rating in criterion.ratings)
        known = HeadCriterion(title=criterion.title, ratings=titles)
        if known in self.info.criteria:
            return [(self.info.criteria.index(known), 1.0)]
        same = [i for i, each in enumerate(self.info.criteria) if len(each.ratings) == len(titles)]
        if not same:
            return []
        centre = np.mean([self.weights[i].embedding for i in range(len(self.weights))], axis=0)
        own = embed(criterion_text(criterion)) - centre
        others = np.array([self.weights[i].embedding - centre for i in same])
        lengths = np.linalg.norm(others, axis=1) * np.linalg.norm(own)
        similarities = (others @ own) / np.maximum(lengths, 1e-9) / SIMILARITY_TEMPERATURE
        shares = np.exp(similarities - similarities.max())
        return list(zip(same, (shares / shares.sum()).tolist(), strict=True))


def criterion_text(criterion: Criterion) -> str:
    """The text by which criteria are compared."""
    return "\n".join([criterion.title, criterion.description, *(option_text(rating) for rating in criterion.ratings)])


def write_head(head: Head, folder: Path) -> None:
    """Writes both files; `head.json` last and atomically, so that a folder with it is complete."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / WEIGHTS).write_bytes(_weight_bytes(head))
    write_atomically(folder / INFO, _info_text(head))


def head_hash(head: Head) -> str:
    """SHA-256 of what `write_head` writes: the same ratings, programs, settings and seed give the same hash."""
    return hashlib.sha256(_weight_bytes(head) + _info_text(head).encode()).hexdigest()


def _weight_bytes(head: Head) -> bytes:
    from safetensors.numpy import save

    arrays: dict[str, NDArray[Any]] = {**head.vocabulary._asdict(), "mean": head.mean, "scale": head.scale}
    for index, weights in enumerate(head.weights):
        arrays |= {f"{index}.{name}": np.ascontiguousarray(array) for name, array in weights._asdict().items()}
    return save(arrays)


def _info_text(head: Head) -> str:
    return head.info.model_dump_json(indent=1) + "\n"


def read_head(folder: Path) -> Head:
    """Raises ModelError if a file is missing or invalid."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        info = HeadInfo.model_validate_json((folder / INFO).read_text(encoding="utf-8"))
        arrays = load_file(folder / WEIGHTS)
        head = Head(
            info,
            Vocabulary(arrays["columns"], arrays["idf"]),
            arrays["mean"],
            arrays["scale"],
            tuple(_criterion(arrays, index, info) for index in range(len(info.criteria))),
        )
    except (OSError, ValidationError, SafetensorError, KeyError, ValueError) as error:
        raise ModelError(f"{folder} contains no valid head: {error}. Train it again.", code="bad-head") from None
    return head


def _criterion(arrays: Mapping[str, NDArray[Any]], index: int, info: HeadInfo) -> CriterionWeights:
    """Raises ValueError for arrays of other shapes."""
    found = CriterionWeights(*(arrays[f"{index}.{name}"] for name in CriterionWeights._fields))
    ratings = len(info.criteria[index].ratings)
    expected = [(len(arrays["columns"]), ratings), (len(arrays["mean"]), ratings), (len(info.labs) + 1, ratings)]
    expected += [(len(info.evidence), ratings)]
    if [each.shape for each in (*found[:3], found.evidence_weights)] != expected:
        raise ValueError(f"the weights of criterion {index} do not fit its ratings")
    return found
