"""Cost and recall of rules for near-copies on real labs.

Run: python -m benchmarks.data.near_copies FOLDER_OF_LABS

For shingle sizes and thresholds: the share of the training side that is set aside over ten seeds, for direct neighbours
of the test side and for complete connected clusters; and the share of synthetic copies that is found. A second table
has the same figures if shingles that several students share are ignored as starter code.

Time: minutes. Figures: docs/measurements/near-copies.md.
"""

import argparse
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from labs_schema.near_copies import source_tokens
from labs_schema.near_copies.sketches import AT_LEAST, THRESHOLD, Shingles, similarity
from labs_schema.near_copies.source_tokens import shingles
from labs_schema.reading.validate import lab_folders, load_lab
from labs_schema.source.lexer import KEYWORDS
from training.dataset.splits import training_students

SIZES, THRESHOLDS, SEEDS, SHARE = (3, 5, 8), (0.7, 0.75, 0.8, 0.9, 0.95, 1.0), 10, 0.7
EDITS = (0, 1, 2, 4)
SHARED = (1.1, 0.95, 0.8, 0.7, 0.6, 0.5)
"""Shares of a lab's submissions from which on a shingle is ignored; 1.1 ignores none."""
NAME = re.compile(r"(?<![\w#<.])[a-z_]\w*\b(?!\s*[(.])")


class Program(NamedTuple):
    lab: str
    student: str
    language: str
    text: str


class Everything(frozenset[str]):
    def __contains__(self, _: object) -> bool:
        return True


def programs(parent: Path) -> Iterator[Program]:
    for lab in map(load_lab, lab_folders(parent)):
        for one in lab.submissions:
            if one.student in lab.ratings_by_student:
                yield Program(lab.name, one.student, lab.language, "\n".join(file.text for file in one.files))


def obfuscated(text: str, edits: int, rng: random.Random) -> str:
    """A copy with renamed variables and `edits` lines deleted or duplicated elsewhere."""
    lines = NAME.sub(lambda m: m[0] if m[0] in KEYWORDS else m[0] + "_x", text).split("\n")
    for _ in range(edits):
        full = [i for i, line in enumerate(lines) if len(line.strip()) > 4]
        if not full:
            break
        place = rng.choice(full)
        if rng.random() < 0.5:
            del lines[place]
        else:
            lines.insert(place, lines[rng.choice(full)])
    return "\n".join(lines)


def similarities(sets: list[npt.NDArray[np.uint32]]) -> npt.NDArray[np.float64]:
    """Jaccard similarity of all pairs, shape (n, n)."""
    _, columns = np.unique(np.concatenate(sets), return_inverse=True)
    rows = np.repeat(np.arange(len(sets)), [len(one) for one in sets])
    table = csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(sets), columns.max() + 1))
    shared = (table @ table.T).toarray()
    sizes = np.array([len(one) for one in sets])
    union = sizes[:, None] + sizes[None] - shared
    return np.where(union == 0, 1.0, shared / np.maximum(union, 1))


def set_aside(alike: npt.NDArray[np.bool_], students: npt.NDArray[np.str_]) -> tuple[float, float]:
    """The share of the training side set aside: direct neighbours of the test side, whole clusters."""
    _, cluster = connected_components(csr_matrix(alike))
    direct, clusters = [], []
    for seed in range(SEEDS):
        train = np.isin(students, list(training_students(students.tolist(), SHARE, seed)))
        direct.append((alike[:, ~train].any(axis=1) & train).sum() / train.sum())
        clusters.append((np.isin(cluster, cluster[~train]) & train).sum() / train.sum())
    return float(np.mean(direct)), float(np.mean(clusters))


def copies_of(found: list[Program], size: int) -> dict[int, list[tuple[int, Shingles]]]:
    """Edits -> (number of the original, shingles of a copy), for every third program of more than one shingle."""
    of = [number for number, one in enumerate(found) if len(shingles([one.text], one.language, size)) > 1][::3]
    copies: dict[int, list[tuple[int, Shingles]]] = {}
    for edits in EDITS:
        rng = random.Random(edits)
        texts = ((number, obfuscated(found[number].text, edits, rng)) for number in of)
        copies[edits] = [(number, shingles([text], found[number].language, size)) for number, text in texts]
    return copies


def recall(sets: list[Shingles], copies: dict[int, list[tuple[int, Shingles]]], threshold: float) -> str:
    return " | ".join(
        f"{np.mean([similarity(sets[number], copy) >= threshold for number, copy in made]):.0%}"
        for made in copies.values()
    )


def report(found: list[Program], size: int, names: str) -> list[str]:
    sets = [shingles([one.text], one.language, size) for one in found]
    alike, students, copies = similarities(sets), np.array([one.student for one in found]), copies_of(found, size)
    lines = []
    for threshold in THRESHOLDS:
        direct, clusters = set_aside(alike >= threshold, students)
        shares = f"{direct:.1%} | {clusters:.1%} | {recall(sets, copies, threshold)}"
        lines.append(f"| {names} | {size} | {threshold} | {shares} |")
    return lines


def report_starter_code(found: list[Program]) -> list[str]:
    """The rule in use, for each share of students from which on a shingle is starter code."""
    whole = [shingles([one.text], one.language) for one in found]
    labs, students = np.array([one.lab for one in found]), np.array([one.student for one in found])
    copies, lines = copies_of(found, source_tokens.SHINGLE), []
    for share in SHARED:
        ignored = np.empty(0, np.uint32)
        for lab in sorted(set(labs)):
            members = np.flatnonzero(labs == lab)
            values, counts = np.unique(np.concatenate([whole[number] for number in members]), return_counts=True)
            ignored = np.union1d(ignored, values[counts >= max(AT_LEAST, share * len(members))])
        sets = [np.setdiff1d(one, ignored, assume_unique=True) for one in whole]
        own = {
            edits: [(number, np.setdiff1d(copy, ignored, assume_unique=True)) for number, copy in made]
            for edits, made in copies.items()
        }
        direct, clusters = set_aside(similarities(sets) >= THRESHOLD, students)
        median = int(np.median([len(one) for one in sets]))
        lines.append(f"| {share} | {median} | {direct:.1%} | {clusters:.1%} | {recall(sets, own, THRESHOLD)} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labs", type=Path)
    found = list(programs(parser.parse_args().labs))
    columns = ["names", "shingle", "threshold", "direct", "clusters", *(f"renamed + {n} edits" for n in EDITS)]
    table = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    for size in SIZES:
        table += report(found, size, "ignored")
    starter = report_starter_code(found)
    source_tokens.is_keyword = lambda *_: True
    table += report(found, source_tokens.SHINGLE, "compared")
    shared = ["share", "shingles (median)", "direct", "clusters", *(f"renamed + {n} edits" for n in EDITS)]
    table += ["", "| " + " | ".join(shared) + " |", "|---" * len(shared) + "|", *starter]
    print(f"{len(found)} rated submissions\n\n" + "\n".join(table))  # noqa: T201


if __name__ == "__main__":
    main()
