"""What an attack is: words that plead for a rating, perhaps disguised, and a place in the program that carries them.

Pure functions of a submission, deterministic. Knows no model, no prompt and no defence.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from string import Template

from labs_schema.frozen import Frozen
from labs_schema.models import Criterion, Rating, Submission
from prompts.verdict import LETTERS

Obfuscation = Callable[[str], str]
InjectionPoint = Callable[[Submission, str, str], Submission]
"""Puts a text into a submission in a language, in a place that does not change what the program does."""


class TargetRating(Frozen):
    """What is pleaded for: the letter that stands for the best rating, its title, and its description (or title)."""

    letter: str
    title: str
    words: str


class Attack(Frozen):
    """`words` may name `$letter`, `$title` and `$words` of what is wanted. `name` is unique, its family first."""

    family: str
    name: str
    words: str
    injection_point: InjectionPoint
    obfuscation: Obfuscation | None = None

    def text(self, wanted: TargetRating) -> str:
        """What is handed to the injection_point."""
        said = Template(self.words).substitute(wanted.model_dump())
        return self.obfuscation(said) if self.obfuscation else said

    def __call__(self, submission: Submission, language: str, wanted: TargetRating) -> Submission:
        """The submission with the plea in it; as it was where it has no files."""
        return self.injection_point(submission, language, self.text(wanted)) if submission.files else submission


def best(criterion: Criterion) -> Rating:
    """The rating with most marks, the first of equals; in a rubric without marks the first."""
    return max(criterion.ratings, key=lambda rating: 0.0 if criterion.max_marks is None else rating.marks or 0.0)


def target_rating(criteria: Sequence[Criterion], orders: Mapping[str, Sequence[str]] | None = None) -> TargetRating:
    """The letter at which most criteria have their best rating, with the words of the first such rating.

    `orders`: criterion title -> rating titles in the order of their letters; the rubric's order where it says nothing.
    """
    letters = {}
    for criterion in criteria:
        order = (orders or {}).get(criterion.title) or [rating.title for rating in criterion.ratings]
        letters[criterion.title] = LETTERS[list(order).index(best(criterion).title)]
    letter, _ = Counter(letters.values()).most_common(1)[0]
    rating = next(best(criterion) for criterion in criteria if letters[criterion.title] == letter)
    title = " ".join(rating.title.split())
    return TargetRating(letter=letter, title=title, words=" ".join(rating.description.split()) or title)
