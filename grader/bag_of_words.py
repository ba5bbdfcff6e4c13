"""The baseline that only counts words: TF-IDF and logistic regression, one a criterion title. Knows no language model.

Each criterion's model is pooled over the labs that have it and is told the lab, so that it learns a lab's own habits
and still answers in a lab that it never saw. Trained on the same students as the run it stands beside. Words, signs
and their runs of up to three, regularised with C = 10: tried on kept work itself, which flatters it a little; one model
a (lab, criterion) was worse there, and character n-grams lost on a new lab what they won on seen ones. What it reaches,
nobody needs a language model for.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labs_schema.grades import CriterionGrade
from labs_schema.models import Criterion, Lab, Submission
from serving.scoring.triage import UNCALIBRATED

Example = tuple[str, Submission, str]
"""A lab's name, a student's work there, and the rating that the TA gave it."""


class WordCounter:
    """A grader that is ready after `fit`."""

    def __init__(self) -> None:
        self.models: dict[str, _TitleModel] = {}
        self.vectors: Any = None

    def fit(
        self, trained: Sequence[tuple[Lab, Sequence[Submission]]], tick: Callable[[int, int], None] = lambda *_: None
    ) -> None:
        """Learns from the ratings that `trained` work was given. `tick` is told how many criteria are done, of all."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        examples: dict[str, list[Example]] = {}
        for lab, submissions in trained:
            for submission in submissions:
                for criterion, rating in lab.ratings_given.get(submission.student, {}).items():
                    examples.setdefault(criterion, []).append((lab.name, submission, rating))
        self.vectors = TfidfVectorizer(
            token_pattern=r"\w+|[^\w\s]", ngram_range=(1, 3), min_df=2, sublinear_tf=True, lowercase=False
        )
        self.vectors.fit(sorted({text(submission) for _, submissions in trained for submission in submissions}))
        for done, (title, rated) in enumerate(examples.items(), 1):
            self.models[title] = _TitleModel(self.vectors, rated)
            tick(done, len(examples))

    def grade(self, lab: Lab, submissions: Sequence[Submission]) -> list[tuple[str, CriterionGrade]]:
        """Every student with an answer to every criterion; ungraded where no rating of it was ever seen."""
        answers = {c.title: self._criterion(lab, c, submissions) for c in lab.criteria}
        return [(s.student, answers[c.title][i]) for i, s in enumerate(submissions) for c in lab.criteria]

    def _criterion(self, lab: Lab, criterion: Criterion, submissions: Sequence[Submission]) -> list[CriterionGrade]:
        model = self.models.get(criterion.title)
        titles = [rating.title for rating in criterion.ratings]
        if model is None or not set(titles) & set(model.ratings):
            unknown = CriterionGrade(criterion=criterion.title, ungraded="no such criterion was trained on")
            return [unknown] * len(submissions)
        shares = model.shares(lab.name, submissions)
        known = np.array(
            [shares[:, model.ratings.index(t)] if t in model.ratings else 0 * shares[:, 0] for t in titles]
        )
        return [_answer(criterion, row / row.sum()) for row in known.T]


class _TitleModel:
    """What is known of one criterion title. A title with one rating only always gives that."""

    def __init__(self, vectors: Any, examples: Sequence[Example]) -> None:
        from sklearn.linear_model import LogisticRegression

        self.vectors, self.labs = vectors, sorted({lab for lab, _, _ in examples})
        given = [rating for _, _, rating in examples]
        self.ratings = sorted(set(given))
        self.model = None
        if len(self.ratings) > 1:
            features = self._features([lab for lab, _, _ in examples], [work for _, work, _ in examples])
            self.model = LogisticRegression(C=10, max_iter=2000).fit(features, given)

    def shares(self, lab: str, submissions: Sequence[Submission]) -> NDArray[np.float64]:
        """Shape (submissions, ratings): the probability of each of `ratings`."""
        if self.model is None:
            return np.ones((len(submissions), 1))
        found: NDArray[np.float64] = self.model.predict_proba(self._features([lab] * len(submissions), submissions))
        return found

    def _features(self, labs: Sequence[str], submissions: Sequence[Submission]) -> Any:
        """TF-IDF of the text, and a one for its lab where that was trained on."""
        from scipy.sparse import csr_matrix, hstack

        told = csr_matrix([[float(lab == known) for known in self.labs] for lab in labs])
        return hstack([self.vectors.transform(map(text, submissions)), told]).tocsr()


def text(submission: Submission) -> str:
    return "\n".join(file.text for file in submission.files)


def _answer(criterion: Criterion, shares: NDArray[np.float64]) -> CriterionGrade:
    rating = criterion.ratings[int(shares.argmax())]
    return CriterionGrade(
        criterion=criterion.title,
        rating=rating.title,
        probabilities=dict(zip((r.title for r in criterion.ratings), shares.tolist(), strict=True)),
        confidence=float(shares.max()),
        marks=rating.marks,
        max_marks=criterion.max_marks,
        review_reasons=(UNCALIBRATED,),
    )
