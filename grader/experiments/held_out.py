"""The work that a run's data set kept for evaluation, found again in the labs. Grades nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from grader.evaluation import HELD_OUT, UNSEEN
from labs_schema.errors import InputError
from labs_schema.hashes import submission_key
from labs_schema.models import Lab, Submission
from labs_schema.privacy.pseudonym_key import check_fingerprint
from labs_schema.reading.validate import lab_folders, load_lab
from labs_schema.submissions.file_names import safe_name
from training.dataset.files import changed_labs
from training.dataset.rows import DatasetManifest, LabSplit


@dataclass(frozen=True)
class Course:
    """A data set's labs, each with its split, and which of them it held out whole."""

    labs: list[tuple[Lab, LabSplit]]
    held_out: frozenset[str]

    @property
    def kept(self) -> list[tuple[Lab, LabSplit]]:
        """The labs with work to evaluate on."""
        return [(lab, split) for lab, split in self.labs if split.test]

    @property
    def names(self) -> list[str]:
        return [lab.name for lab, _ in self.labs]

    @property
    def groups(self) -> dict[str, list[str]]:
        """The two questions an evaluation answers, and the labs that each is asked of."""
        return {
            UNSEEN: [lab.name for lab, _ in self.labs if lab.name not in self.held_out],
            HELD_OUT: [lab.name for lab, _ in self.labs if lab.name in self.held_out],
        }

    def narrowed(self, splits: Mapping[str, LabSplit]) -> "Course":
        """Only the labs and the work of `splits`."""
        return Course([(lab, splits[lab.name]) for lab, _ in self.labs if lab.name in splits], self.held_out)

    def students(self, keys: Iterable[str]) -> frozenset[str]:
        """Whose work the pseudonyms `keys` stand for; keys of other courses' work are nobody's."""
        known = set(keys)
        work = ((lab.name, s.student) for lab, _ in self.labs for s in lab.submissions)
        return frozenset(student for lab, student in work if submission_key(lab, student) in known)


def read_course(dataset: DatasetManifest, labs: Path) -> Course:
    """Raises InputError where a lab in the folder `labs` has changed since, or cannot be read, and GraderError where
    its pseudonyms were made by another secret than this user's."""
    check_fingerprint(dataset.secret, "the data set")
    if issues := changed_labs(dataset, labs):
        raise InputError(issues)
    folders = {safe_name(folder.name): folder for folder in lab_folders(labs.resolve())}
    read = [(load_lab(folders[name]), split) for name, split in dataset.labs.items()]
    return Course(read, frozenset(dataset.eval_labs))


def held_out(lab: Lab, split: LabSplit) -> list[Submission]:
    """The submissions of `lab` that the data set kept for evaluation."""
    return _part(lab, split.test)


def trained_work(lab: Lab, split: LabSplit) -> list[Submission]:
    """The submissions of `lab` that the data set put into training."""
    return _part(lab, split.train)


def _part(lab: Lab, keys: tuple[str, ...]) -> list[Submission]:
    part = set(keys)
    return [s for s in lab.submissions if submission_key(lab.name, s.student) in part]
