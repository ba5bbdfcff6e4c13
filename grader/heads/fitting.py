"""Fits a head on rated labs: `fit_lab_heads`."""

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from grader.heads.base import HeadBase
from labs_schema.models import Criterion, Lab, Submission
from labs_schema.student_ids import student_clusters
from serving.head.evidence_features import EvidenceMatrix, evidence_columns, evidence_features, evidence_matrix
from serving.head.head import CriterionWeights, Head, HeadCriterion, HeadInfo, ProgramFeatures, criterion_text
from serving.head.head_engine import FEATURE_VERSIONS
from serving.head.hidden_states import Hidden
from serving.head.text_features import Vocabulary, fit_vocabulary, program_ngrams, text_matrix
from serving.head.working_code import working_code
from training.dataset.splits import seeded_order
from training.head.basis import Basis, Programs, Shares, make_basis
from training.head.fit import OWN_WEIGHT, SOFT_WEIGHT, STRENGTH, FittedCriterion, fit_head
from training.head.regression import Examples

Ratings = Mapping[str, Mapping[str, str]]
"""student -> criterion title -> rating title."""
SoftRatings = Mapping[str, Mapping[str, Mapping[str, float]]]
"""student -> criterion title -> rating title -> a teacher's probability."""
Progress = Callable[[str, int, int], None]
CHUNK = 16
"""Programs read between two steps of the progress bar."""


class RatedLab(NamedTuple):
    """A lab with the `ratings` to learn from. `submissions`: all programs whose features may be used, rated or not.
    `soft`: a teacher's labels of submissions without a rating."""

    lab: Lab
    submissions: Sequence[Submission]
    ratings: Ratings
    soft: SoftRatings = MappingProxyType({})


class HeadSettings(NamedTuple):
    """`own`: the lab whose ratings weigh more. `strength`: inverse of the L2 penalty."""

    own: str | None = None
    strength: float = STRENGTH
    seed: int = 0


class HeldOut(NamedTuple):
    """A rated decision and its probabilities by a head that did not see the student; `ratings`: their titles.

    `cluster`: of the student, see `student_clusters`.
    """

    lab: str
    student: str
    cluster: str
    criterion: str
    given: str
    probabilities: tuple[float, ...]
    ratings: tuple[str, ...]


class LabFeatures(NamedTuple):
    """The features of all programs of some labs, and the basis in which regressions are fitted.

    `evidence`: the names of the evidence features. `places`: (lab, student) -> row.
    """

    vocabulary: Vocabulary
    mean: Hidden
    scale: Hidden
    programs: Programs
    basis: Basis
    evidence: tuple[str, ...]
    places: Mapping[tuple[str, str], int]
    labs: tuple[str, ...]

    def of(self, rows: Sequence[int] | slice) -> ProgramFeatures:
        """The features of the programs in these rows, as a head reads them."""
        programs = self.programs
        evidence = EvidenceMatrix(programs.evidence[rows], programs.observed[rows])
        return ProgramFeatures(programs.text[rows], programs.hidden[rows], evidence)


def read_features(
    labs: Sequence[tuple[Lab, Sequence[Submission]]], base: HeadBase, seed: int, progress: Progress = lambda *_: None
) -> LabFeatures:
    """Reads each program once; programs in the cache take no model. Raises ModelError."""
    members = [(number, lab, s) for number, (lab, submissions) in enumerate(labs) for s in submissions]
    texts = [working_code(s, lab.language) for _, lab, s in members]
    hidden = _hidden(texts, base, progress)
    ngrams = [program_ngrams(text, lab.language) for text, (_, lab, _) in zip(texts, members, strict=True)]
    vocabulary = fit_vocabulary(ngrams)
    mean, scale = hidden.mean(axis=0), 1 / (hidden.std(axis=0) + 1e-6)
    standard = ((hidden - mean) * scale).astype(np.float64)
    numbers = np.array([number for number, _, _ in members])
    observed = [evidence_features(s.observations, lab.name) for _, lab, s in members]
    columns = evidence_columns(observed)
    programs = Programs(text_matrix(ngrams, vocabulary), standard, numbers, *evidence_matrix(observed, columns))
    places = {(lab.name, s.student): row for row, (_, lab, s) in enumerate(members)}
    names = tuple(lab.name for lab, _ in labs)
    basis = make_basis(programs, Shares(), seed)
    return LabFeatures(vocabulary, mean, scale, programs, basis, columns, places, names)


def fit_lab_heads(
    labs: Sequence[RatedLab],
    features: LabFeatures,
    base: HeadBase,
    settings: HeadSettings,
    *,
    dataset_hash: str = "",
    progress: Progress = lambda *_: None,
) -> tuple[Head, list[HeldOut]]:
    """The head, and its cross-validated answers to the ratings that it was fitted on.

    Criteria of several labs with the same title and the same ratings are one regression.
    """
    decisions = _decisions(labs, _clusters(labs))
    rated = {known: _rated(known, found, features, settings) for known, found in decisions.items()}
    fitted = fit_head(
        features.programs,
        {_key(known): examples for known, examples in rated.items()},
        strength=settings.strength,
        seed=settings.seed,
        progress=lambda done, total: progress("fitting", done, total),
        basis=features.basis,
    )
    texts = base.states.means([criterion_text(found[0].criterion) for found in decisions.values()])
    head = Head(
        info=_info(labs, features, base, settings, tuple(decisions), dataset_hash),
        vocabulary=features.vocabulary,
        mean=features.mean,
        scale=features.scale.astype(np.float32),
        weights=tuple(_weights(fitted[_key(known)], text) for known, text in zip(decisions, texts, strict=True)),
    )
    held_out = [
        HeldOut(d.lab, d.student, d.cluster, d.criterion.title, d.rating, tuple(row), known.ratings)
        for known, found in decisions.items()
        for d, row in zip(found, fitted[_key(known)].held_out.tolist(), strict=True)
        if d.by_ta
    ]
    return head, held_out


class _Decision(NamedTuple):
    lab: str
    student: str
    cluster: str
    criterion: Criterion
    rating: str
    weight: float = 1.0
    by_ta: bool = True


def _clusters(labs: Sequence[RatedLab]) -> dict[str, str]:
    submissions = [submission for each in labs for submission in each.submissions]
    return student_clusters((each.student for each in submissions), [each.members for each in submissions])


def _decisions(labs: Sequence[RatedLab], clusters: Mapping[str, str]) -> dict[HeadCriterion, list[_Decision]]:
    found: dict[HeadCriterion, list[_Decision]] = {}
    for rated in labs:
        for criterion in rated.lab.criteria:
            known = HeadCriterion(title=criterion.title, ratings=tuple(rating.title for rating in criterion.ratings))
            students = [submission.student for submission in rated.submissions]
            if decisions := [d for s in students for d in _of_criterion(rated, s, clusters, criterion)]:
                found.setdefault(known, []).extend(decisions)
    return found


def _of_criterion(rated: RatedLab, student: str, clusters: Mapping[str, str], criterion: Criterion) -> list[_Decision]:
    """The TA's rating; without one the ratings of a soft label, whose weights sum to SOFT_WEIGHT."""
    if given := rated.ratings.get(student, {}).get(criterion.title):
        return [_Decision(rated.lab.name, student, clusters[student], criterion, given)]
    soft = rated.soft.get(student, {}).get(criterion.title, {})
    return [
        _Decision(rated.lab.name, student, clusters[student], criterion, title, SOFT_WEIGHT * probability, by_ta=False)
        for title, probability in soft.items()
        if probability > 0
    ]


def _rated(
    known: HeadCriterion, decisions: Sequence[_Decision], features: LabFeatures, settings: HeadSettings
) -> Examples:
    clusters = sorted({d.cluster for d in decisions}, key=lambda cluster: seeded_order(settings.seed, cluster))
    number = {cluster: i for i, cluster in enumerate(clusters)}
    rows = np.array([features.places[d.lab, d.student] for d in decisions])
    return Examples(
        rows=rows,
        ratings=np.array([known.ratings.index(d.rating) for d in decisions]),
        students=np.array([number[d.cluster] for d in decisions]),
        labs=features.programs.labs[rows],
        weights=np.array([d.weight * (OWN_WEIGHT if d.lab == settings.own else 1.0) for d in decisions]),
        by_ta=np.array([d.by_ta for d in decisions]),
        classes=len(known.ratings),
    )


def _key(known: HeadCriterion) -> str:
    return "\0".join((known.title, *known.ratings))


def _hidden(texts: Sequence[str], base: HeadBase, progress: Progress) -> Hidden:
    rows = []
    for start in range(0, len(texts), CHUNK):
        rows.append(base.states.means(texts[start : start + CHUNK]))
        progress("reading programs", min(start + CHUNK, len(texts)), len(texts))
    return np.concatenate(rows)


def _weights(fitted: FittedCriterion, text: Hidden) -> CriterionWeights:
    weights = {name: values.astype(np.float32) for name, values in fitted._asdict().items() if name != "held_out"}
    return CriterionWeights(**weights, embedding=text)


def _info(
    labs: Sequence[RatedLab],
    features: LabFeatures,
    base: HeadBase,
    settings: HeadSettings,
    criteria: tuple[HeadCriterion, ...],
    dataset_hash: str,
) -> HeadInfo:
    return HeadInfo(
        grader_version=version("grader"),
        base_model=base.name,
        base_hash=base.hash,
        layers=base.layers,
        dtype=base.dtype,
        feature_versions=FEATURE_VERSIONS,
        dataset_hash=dataset_hash,
        settings=_settings_of(labs, settings),
        seed=settings.seed,
        labs=features.labs,
        rated={each.lab.name: sum(map(len, each.ratings.values())) for each in labs},
        criteria=criteria,
        evidence=features.evidence,
    )


def _settings_of(labs: Sequence[RatedLab], settings: HeadSettings) -> dict[str, float]:
    used = {"strength": settings.strength, **Shares()._asdict()}
    return used | {"soft_weight": SOFT_WEIGHT} if any(lab.soft for lab in labs) else used
