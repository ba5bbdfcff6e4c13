"""Finds the held-out test set of a run's dataset in the labs on disk."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from grader.evaluation import HELD_OUT, UNSEEN
from labs_schema.errors import raise_errors
from labs_schema.hashes import submission_key
from labs_schema.models import Lab, Submission
from labs_schema.privacy.pseudonym_key import check_fingerprint
from labs_schema.reading.validate import lab_folders, load_lab
from labs_schema.student_ids import student_clusters
from labs_schema.submissions.file_names import safe_name
from training.dataset.manifest import DatasetManifest, LabSplit, changed_labs


@dataclass(frozen=True)
class DatasetLabs:
    """The labs of a dataset, each with its split, and the names of the labs that it held out entirely."""

    labs: list[tuple[Lab, LabSplit]]
    held_out: frozenset[str]

    @property
    def tested(self) -> list[tuple[Lab, LabSplit]]:
        """The labs with held-out submissions."""
        return [(lab, split) for lab, split in self.labs if split.test]

    @property
    def names(self) -> list[str]:
        return [lab.name for lab, _ in self.labs]

    @property
    def groups(self) -> dict[str, list[str]]:
        """Group of an evaluation -> names of its labs."""
        return {
            UNSEEN: [lab.name for lab, _ in self.labs if lab.name not in self.held_out],
            HELD_OUT: [lab.name for lab, _ in self.labs if lab.name in self.held_out],
        }

    def narrowed(self, splits: Mapping[str, LabSplit]) -> "DatasetLabs":
        """Only the labs and submissions of `splits`."""
        return DatasetLabs([(lab, splits[lab.name]) for lab, _ in self.labs if lab.name in splits], self.held_out)

    def students(self, keys: Iterable[str]) -> frozenset[str]:
        """The students whose submissions have the pseudonyms `keys`, and everyone in the same groups.

        Unknown pseudonyms are ignored.
        """
        known = set(keys)
        submissions = [(lab.name, s) for lab, _ in self.labs for s in lab.submissions]
        clusters = student_clusters((s.student for _, s in submissions), [s.members for _, s in submissions])
        chosen = {clusters[s.student] for lab, s in submissions if submission_key(lab, s.student) in known}
        return frozenset(student for student, cluster in clusters.items() if cluster in chosen)


def read_dataset_labs(dataset: DatasetManifest, labs: Path) -> DatasetLabs:
    """Reads the labs of `dataset` from the folder `labs`.

    Raises InputError if a lab has changed or cannot be read, GraderError if the dataset's pseudonyms were made with
    another pseudonym key.
    """
    check_fingerprint(dataset.secret, "the dataset")
    raise_errors(changed_labs(dataset, labs))
    folders = {safe_name(folder.name): folder for folder in lab_folders(labs.resolve())}
    read = [(load_lab(folders[name]), split) for name, split in dataset.labs.items()]
    return DatasetLabs(read, frozenset(dataset.eval_labs))


def held_out_submissions(lab: Lab, split: LabSplit) -> list[Submission]:
    return _with_keys(lab, split.test)


def training_submissions(lab: Lab, split: LabSplit) -> list[Submission]:
    return _with_keys(lab, split.train)


def _with_keys(lab: Lab, keys: tuple[str, ...]) -> list[Submission]:
    wanted = set(keys)
    return [s for s in lab.submissions if submission_key(lab.name, s.student) in wanted]
