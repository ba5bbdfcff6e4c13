"""Grades whole labs, each into its folder, as the grades come, and goes on where an earlier run stopped.

Whether a model in this process grades or a cluster, this page is the same: it knows neither.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from labs_schema.models import Lab
from serving.grade_sources import GradeSource
from serving.graded_folder import Regraded, open_folder


def regrade(
    source: GradeSource, labs: Mapping[Path, Lab], *, progress: Callable[[int], None] = lambda _: None
) -> list[Regraded]:
    """Grades every submission of every lab (of unlike names) into its folder; `progress` is told how many are done.

    What a folder holds must be of the model, the rubric and the work of this run. That is checked before anything is
    asked where `source` knows its model, else before a fresh grade is kept beside the old ones.
    Raises GraderError where it is not so, FaultsError where a folder is damaged, and what `source` raises.
    """
    with ExitStack() as opened:
        folders = {lab.name: opened.enter_context(open_folder(lab, out)) for out, lab in labs.items()}
        for folder in folders.values():
            if folder.graded and (origin := source.provenance(folder.lab, folder.lab.submissions[0])):
                folder.expect(origin)
        progress(sum(folder.graded for folder in folders.values()))
        waiting = [lab for folder in folders.values() if (lab := folder.waiting).submissions]
        for grades in source.grades(waiting) if waiting else ():
            for name in dict.fromkeys(grade.lab for grade in grades):
                folders[name].keep([grade for grade in grades if grade.lab == name])
            progress(sum(folder.graded for folder in folders.values()))
        return [folder.finish() for folder in folders.values()]
