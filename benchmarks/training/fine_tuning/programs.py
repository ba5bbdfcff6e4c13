"""The programs of the benchmark as token trees, and the sides of their students."""

from collections.abc import Sequence
from typing import NamedTuple

from labs_schema.models import Criterion, Lab
from prompts.encode import PromptEncoder
from prompts.messages import build_prompts
from prompts.style import PromptStyle
from training.dataset.examples import CriterionExample, TrainingExample
from training.dataset.splits import training_students

STYLE = PromptStyle(template="compact", problem_chars=150, description_chars=80, observed_chars=400)
"""As `grader build-dataset --prompt compact`."""
DEV_SHARE = 0.2


class Sides(NamedTuple):
    """Students. `train` includes `dev`, those whose programs choose recipe and epoch."""

    train: frozenset[str]
    dev: frozenset[str]


class Question(NamedTuple):
    """A criterion of a rated program. `letters`: the token ids of its options; `given`: the index of the TA's."""

    lab: Lab
    student: str
    criterion: Criterion
    letters: tuple[int, ...]
    given: int


class Program(NamedTuple):
    """A program with its rated criteria, in the order of the example's."""

    student: str
    example: TrainingExample
    questions: tuple[Question, ...]


def sides(labs: Sequence[Lab], share: float, seed: int) -> Sides:
    """The split of the benchmark of heads with this seed."""
    train = training_students(sorted({s for lab in labs for s in lab.ratings_by_student}), share, seed)
    return Sides(frozenset(train), frozenset(training_students(train, DEV_SHARE, seed + 1)))


def read_programs(labs: Sequence[Lab], encoder: PromptEncoder) -> list[Program]:
    """The programs with a rating."""
    return [_program(lab, student, encoder) for lab in labs for student in lab.ratings_by_student]


def _program(lab: Lab, student: str, encoder: PromptEncoder) -> Program:
    given = lab.ratings_by_student[student]
    prompts = build_prompts(lab, next(s for s in lab.submissions if s.student == student), STYLE)
    encoded = encoder.encode(prompts)
    questions, examples = [], []
    for criterion, prompt, ids in zip(lab.criteria, prompts, encoded.criteria, strict=True):
        if criterion.title in given:
            letters, place = encoder.letter_ids(len(prompt.options)), prompt.options.index(given[criterion.title])
            questions.append(Question(lab, student, criterion, letters, place))
            examples.append(CriterionExample(ids, (letters[place],)))
    return Program(student, TrainingExample(encoded.shared, tuple(examples)), tuple(questions))
