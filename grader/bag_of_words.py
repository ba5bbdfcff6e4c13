"""The bag-of-words baseline: TF-IDF features and one logistic regression per criterion title.

Each criterion's model is pooled over the labs that have the criterion and also gets the lab as a feature, so it learns
a lab's own rating habits and can still answer in an unseen lab. Features are words, punctuation and their n-grams up to
length 3. C = 10 was chosen on held-out work, which favours the baseline slightly. Alternatives did worse: one
model per (lab, criterion) on seen labs, character n-grams on new labs.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from labs_schema.grades import CriterionGrade
from labs_schema.models import Criterion, Lab, Submission
from serving.measures.arrays import Floats
from serving.scoring.triage import ReviewCode

SPAN_EXAMPLES = 2000
"""Above this number of examples a regression is fitted on the sparse features."""


class BagOfWords:
    """A grader that learns from TAs' ratings with `fit` and answers with `grade`."""

    def __init__(self) -> None:
        self._models: dict[str, _CriterionModel] = {}
        self._vectorizer: Any = None

    def fit(
        self,
        training: Sequence[tuple[Lab, Sequence[Submission]]],
        progress: Callable[[int, int], None] = lambda *_: None,
    ) -> None:
        """Learns from the ratings of the `training` submissions. `progress` gets (criteria done, of all)."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        self._vectorizer = TfidfVectorizer(
            token_pattern=r"\w+|[^\w\s]", ngram_range=(1, 3), min_df=2, sublinear_tf=True, lowercase=False
        )
        texts = sorted({submission_text(submission) for _, submissions in training for submission in submissions})
        features = self._vectorizer.fit_transform(texts)
        row_of = {text: row for row, text in enumerate(texts)}
        examples: dict[str, list[tuple[int, str, str]]] = {}
        for lab, submissions in training:
            for submission in submissions:
                row = row_of[submission_text(submission)]
                for criterion, rating in lab.ratings_by_student.get(submission.student, {}).items():
                    examples.setdefault(criterion, []).append((row, lab.name, rating))
        for done, (title, rated) in enumerate(examples.items(), 1):
            rows, labs, ratings = zip(*rated, strict=True)
            self._models[title] = _CriterionModel(features[list(rows)], labs, ratings)
            progress(done, len(examples))

    def grade(self, lab: Lab, submissions: Sequence[Submission]) -> list[tuple[str, CriterionGrade]]:
        """(student, answer) for every submission and criterion; ungraded if none of its ratings was trained on."""
        if not submissions:
            return []
        features = self._vectorizer.transform(map(submission_text, submissions))
        answers = {c.title: self._answers(lab, c, features) for c in lab.criteria}
        return [(s.student, answers[c.title][i]) for i, s in enumerate(submissions) for c in lab.criteria]

    def _answers(self, lab: Lab, criterion: Criterion, features: Any) -> list[CriterionGrade]:
        model = self._models.get(criterion.title)
        titles = [rating.title for rating in criterion.ratings]
        if model is None or not set(titles) & set(model.ratings):
            unknown = CriterionGrade(criterion=criterion.title, ungraded="this criterion was not trained on")
            return [unknown] * features.shape[0]
        learned = model.probabilities(lab.name, features)
        known = np.array(
            [learned[:, model.ratings.index(t)] if t in model.ratings else 0 * learned[:, 0] for t in titles]
        )
        return [_answer(criterion, row / row.sum()) for row in known.T]


class _CriterionModel:
    """The logistic regression of one criterion title; a title with a single rating always gets that rating.

    Usually there are far fewer examples n than features. By the representer theorem the weights with the least
    L2-penalised loss are in the span of the examples, so the regression is fitted in the (at most) n coordinates
    of that span, to the same result in a fraction of the time. Decomposing the span takes O(n^3), hence SPAN_EXAMPLES.
    """

    def __init__(self, features: Any, labs: Sequence[str], ratings: Sequence[str]) -> None:
        from sklearn.linear_model import LogisticRegression

        self.ratings = sorted(set(ratings))
        self._labs = sorted(set(labs))
        self._model: Any = None
        self._examples: Any = None
        if len(self.ratings) > 1:
            examples = self._with_lab(features, labs)
            # One thread: the matrices are small, and waiting threads took 7x the CPU on a busy machine.
            with threadpool_limits(limits=1):
                if len(labs) <= SPAN_EXAMPLES:
                    self._examples, self._projection = examples, _projection(examples)
                self._model = LogisticRegression(C=10, max_iter=2000).fit(self._coordinates(examples), ratings)

    def probabilities(self, lab: str, features: Any) -> Floats:
        """The probability of each of `ratings`, shape (submissions, ratings)."""
        if self._model is None:
            return np.ones((features.shape[0], 1))
        with threadpool_limits(limits=1):
            coordinates = self._coordinates(self._with_lab(features, [lab] * features.shape[0]))
            found: Floats = self._model.predict_proba(coordinates)
        return found

    def _coordinates(self, features: Any) -> Any:
        """`features` (n, features) in the fitted coordinates; the basis itself would be large and dense."""
        return features if self._examples is None else (features @ self._examples.T).toarray() @ self._projection

    def _with_lab(self, features: Any, labs: Sequence[str]) -> Any:
        """TF-IDF features plus one indicator column for each lab of the training data."""
        from scipy.sparse import csr_matrix, hstack

        return hstack([features, csr_matrix([[float(lab == known) for known in self._labs] for lab in labs])]).tocsr()


def _projection(examples: Any) -> Floats:
    """(n, r): `examples.T @ projection` is an orthonormal basis of the span of the rows of `examples` (n, features)."""
    values, vectors = np.linalg.eigh((examples @ examples.T).toarray())
    nonzero = values > 1e-9 * values[-1]
    found: Floats = vectors[:, nonzero] / np.sqrt(values[nonzero])
    return found


def submission_text(submission: Submission) -> str:
    return "\n".join(file.text for file in submission.files)


def _answer(criterion: Criterion, probabilities: Floats) -> CriterionGrade:
    rating = criterion.ratings[int(probabilities.argmax())]
    return CriterionGrade(
        criterion=criterion.title,
        rating=rating.title,
        probabilities=dict(zip((r.title for r in criterion.ratings), probabilities.tolist(), strict=True)),
        confidence=float(probabilities.max()),
        marks=rating.marks,
        min_marks=criterion.min_marks,
        max_marks=criterion.max_marks,
        bonus=criterion.bonus,
        review_reasons=(ReviewCode.NOT_CALIBRATED.reason("a baseline has no calibration"),),
    )
