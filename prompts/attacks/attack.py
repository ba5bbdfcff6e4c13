"""An attack: an injected prompt, optionally obfuscated, and the injection point that puts it into a program.

All functions are pure and deterministic.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from string import Template

from labs_schema.frozen import Frozen
from labs_schema.models import Criterion, Rating, Submission
from labs_schema.source.languages import LANGUAGES, language_of
from prompts.attacks.injection_points import main_file, own_file
from prompts.attacks.syntax import comments_like
from prompts.verdict import LETTERS

Obfuscation = Callable[[str], str]
InjectionPoint = Callable[[Submission, str, str], Submission]
"""Puts a text into a submission in a language, at a place that does not change the program's behaviour."""


class TargetRating(Frozen):
    """The rating that an attack asks for: its letter, its title, and its description (or title) as `words`."""

    letter: str
    title: str
    words: str


class Attack(Frozen):
    """`words` may contain `$letter`, `$title` and `$words` of the target. `name` is unique and starts with the
    family."""

    family: str
    name: str
    words: str
    injection_point: InjectionPoint
    obfuscation: Obfuscation | None = None

    def text(self, target: TargetRating) -> str:
        """The injected prompt."""
        plain = Template(self.words).substitute(target.model_dump())
        return self.obfuscation(plain) if self.obfuscation else plain

    def __call__(self, submission: Submission, language: str, target: TargetRating) -> Submission:
        """The attacked submission; one without files stays as it is.

        The main file decides on the syntax: a student may use another language than the lab's.
        """
        if not submission.files:
            return submission
        file = submission.files[main_file(submission, language)]
        written_in = language_of(file.path, language)
        known = written_in if written_in in LANGUAGES else comments_like(file.text)
        text = self.text(target)
        return self.injection_point(submission, known, text) if known else own_file(submission, text)


def best(criterion: Criterion) -> Rating:
    """The rating with the most marks, the first of equals; in a rubric without marks the first rating."""
    return max(criterion.ratings, key=lambda rating: 0.0 if criterion.max_marks is None else rating.marks or 0.0)


def target_rating(criteria: Sequence[Criterion], orders: Mapping[str, Sequence[str]] | None = None) -> TargetRating:
    """The letter that is the best rating of most criteria, with the words of the first such rating.

    `orders`: criterion title -> rating titles in the order of their letters; by default the rubric's order.
    """
    letters = {}
    for criterion in criteria:
        order = (orders or {}).get(criterion.title) or [rating.title for rating in criterion.ratings]
        letters[criterion.title] = LETTERS[list(order).index(best(criterion).title)]
    letter, _ = Counter(letters.values()).most_common(1)[0]
    rating = next(best(criterion) for criterion in criteria if letters[criterion.title] == letter)
    title = " ".join(rating.title.split())
    return TargetRating(letter=letter, title=title, words=" ".join(rating.description.split()) or title)
