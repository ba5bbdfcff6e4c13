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
from labs_schema.frozen import Frozen
from labs_schema.models import Criterion
from prompts.messages import option_text
from serving.head.hidden_states import Hidden
from serving.head.text_features import Ngrams, Vocabulary, text_matrix

INFO, WEIGHTS = "head.json", "head.safetensors"
SIMILARITY_TEMPERATURE = 0.1
"""Of the softmax over the similarities of known criteria to a new one."""
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
    whose programs it saw; `rated`: lab -> number of its ratings that it was fitted on.
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


class CriterionWeights(NamedTuple):
    """Of shapes (f, ratings), (d, ratings), (labs + 1, ratings), (labs + 1,) and (d,).

    The last row of `labs` and `sharpness` is for unknown labs: all log-probabilities are multiplied by the sharpness.
    `embedding`: the hidden states of the criterion's text.
    """

    text_weights: NDArray[np.float32]
    hidden_weights: NDArray[np.float32]
    labs: NDArray[np.float32]
    sharpness: NDArray[np.float32]
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

    def predict(
        self, ngrams: Ngrams, hidden: Hidden, lab: str, criterion: Criterion, embed: Embed
    ) -> Prediction | None:
        """The log-probabilities of the criterion's ratings for one program; None as in `logits`."""
        text = text_matrix([ngrams], self.vocabulary)
        parts = self.logits(text, self.standardised(hidden[None]), lab, criterion, embed)
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
        self, text: Any, standard: Floats, lab: str, criterion: Criterion, embed: Embed
    ) -> dict[str, Floats] | None:
        """Source -> what it adds to the log-probabilities (n, ratings) of n programs, up to a constant for each.

        `text` (n, f) and `standard` (n, d), standardised hidden states, are the programs. A criterion that was not
        trained on gets the mean over the known ones with as many ratings, weighted by how similar their texts are
        (`embed` gives the states of a text); None if there is none.
        """
        mixture = self._mixture(criterion, embed)
        if not mixture:
            return None
        place = self.info.labs.index(lab) if lab in self.info.labs else -1
        known = [(share * float(self.weights[i].sharpness[place]), self.weights[i]) for i, share in mixture]
        zeros = np.zeros((len(standard), len(criterion.ratings)))
        return {
            "code tokens": sum((share * (text @ each.text_weights) for share, each in known), zeros),
            "model features": sum((share * (standard @ each.hidden_weights) for share, each in known), zeros),
            "lab": sum((share * each.labs[place] for share, each in known), zeros),
        }

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
    draft = folder / f"{INFO}.part"
    draft.write_text(_info_text(head), encoding="utf-8")
    draft.replace(folder / INFO)


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
        raise ModelError(f"{folder} contains no valid head: {error}. Train it again.") from None
    return head


def _criterion(arrays: Mapping[str, NDArray[Any]], index: int, info: HeadInfo) -> CriterionWeights:
    """Raises ValueError for arrays of other shapes."""
    found = CriterionWeights(*(arrays[f"{index}.{name}"] for name in CriterionWeights._fields))
    ratings = len(info.criteria[index].ratings)
    expected = [(len(arrays["columns"]), ratings), (len(arrays["mean"]), ratings), (len(info.labs) + 1, ratings)]
    if [each.shape for each in found[:3]] != expected:
        raise ValueError(f"the weights of criterion {index} do not fit its ratings")
    return found
