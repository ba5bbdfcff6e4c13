"""Agreement of the members of a group of equal answers: the share with the same rating from the TA, by threshold.

Groups are made by two kinds of tokens: without names and literals, as near-copies are found, and with the literals,
functions and roles of variables, as the pages group answers.

Run: python -m benchmarks.pages.equal_answers FOLDER_OF_LABS

A person who rates a group gives every member the leader's rating. *Same* is the share of members' decisions for which
that is also the TA's rating of the member. *Random pair*: the same share for two random submissions of the same lab and
criterion. *Majority*: how often the most frequent rating of the other submissions is the member's. The intervals are
95 % bootstrap intervals over groups.

Time: minutes. Figures: docs/measurements/near-copies.md.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from labs_schema.models import Lab
from labs_schema.near_copies.groups import THRESHOLD, copy_groups
from labs_schema.near_copies.source_tokens import behaviour_tokens, shingles, tokens
from labs_schema.reading.validate import lab_folders, load_lab

THRESHOLDS = (0.75, 0.8, 0.85, 0.9, 0.95, 1.0)
RESAMPLES, SEED = 2000, 0
Reader = Callable[[str, str], Iterator[str]]
READERS: dict[str, Reader] = {"without names, literals": tokens, "behaviour": behaviour_tokens}
HEADER = "submissions in groups | members | decisions | same | random pair | majority"


class MemberDecision(NamedTuple):
    """`group` is unique over labs. `random`: the probability that a random other submission has the member's rating."""

    group: tuple[str, int]
    student: str
    criterion: str
    same: bool
    random: float
    majority: bool


def decisions_of(lab: Lab, threshold: float, read: Reader) -> Iterator[MemberDecision]:
    """One for each criterion that is rated for a member and its leader."""
    texts = ((each.student, (file.text for file in each.files)) for each in lab.submissions)
    programs = [(student, shingles(given, lab.language, read=read)) for student, given in texts]
    students, sets = zip(*[(student, found) for student, found in programs if len(found)], strict=True)
    ratings = lab.ratings_by_student
    given = {c.title: Counter(r[c.title] for r in ratings.values() if c.title in r) for c in lab.criteria}
    for number, (leader, *members) in enumerate(copy_groups(sets, threshold)):
        first = ratings.get(students[leader], {})
        for member in members:
            own = ratings.get(students[member], {})
            for title in given.keys() & first.keys() & own.keys():
                others = given[title] - Counter([own[title]])
                yield MemberDecision(
                    group=(lab.name, number),
                    student=students[member],
                    criterion=title,
                    same=own[title] == first[title],
                    random=others[own[title]] / others.total(),
                    majority=others.most_common(1)[0][0] == own[title],
                )


def share(decisions: Sequence[MemberDecision], of: Callable[[MemberDecision], float]) -> str:
    """The share with its interval."""
    groups = sorted({each.group for each in decisions})
    sums = {group: np.zeros(2) for group in groups}
    for each in decisions:
        sums[each.group] += (of(each), 1)
    table = np.array([sums[group] for group in groups])
    drawn = np.random.default_rng(SEED).integers(len(groups), size=(RESAMPLES, len(groups)))
    totals = table[drawn].sum(axis=1)
    low, high = np.quantile(totals[:, 0] / totals[:, 1], (0.025, 0.975))
    return f"{table[:, 0].sum() / table[:, 1].sum():.3f} [{low:.3f}, {high:.3f}]"


def row(decisions: Sequence[MemberDecision]) -> str:
    if not decisions:
        return "0 | 0 | 0 | | |"
    members = {(each.group, each.student) for each in decisions}
    covered = len(members) + len({each.group for each in decisions})
    shares = (share(decisions, of) for of in (lambda d: d.same, lambda d: d.random, lambda d: d.majority))
    return f"{covered} | {len(members)} | {len(decisions)} | {' | '.join(shares)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labs", type=Path)
    labs = [load_lab(folder) for folder in lab_folders(parser.parse_args().labs)]
    cases = [(name, threshold) for name in READERS for threshold in THRESHOLDS]
    found = {case: [d for lab in labs for d in decisions_of(lab, case[1], READERS[case[0]])] for case in cases}
    lines = [f"| tokens | threshold | {HEADER} |", "|---" * 8 + "|"]
    lines += [f"| {name} | {threshold} | {row(decisions)} |" for (name, threshold), decisions in found.items()]
    used = found["behaviour", THRESHOLD]
    lines += ["", f"| {THRESHOLD} on behaviour: criterion | {HEADER} |", "|---" * 7 + "|"]
    for title in sorted({each.criterion for each in used}):
        lines.append(f"| {title} | {row([each for each in used if each.criterion == title])} |")
    submissions = sum(len(lab.submissions) for lab in labs)
    print(f"{submissions} submissions of {len(labs)} labs\n\n" + "\n".join(lines))  # noqa: T201


if __name__ == "__main__":
    main()
