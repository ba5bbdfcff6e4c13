"""Programs as weighted n-grams of code tokens."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from labs_schema.models import Submission
from labs_schema.privacy.redaction import redacted_files
from labs_schema.source.code_tokens import code_tokens, ngram_counts

LONGEST_NGRAM = 3
MIN_PROGRAMS = 2
"""Rarer n-grams are ignored."""
Counts = Mapping[int, int]
"""Hash of an n-gram -> how often a program has it."""


class Vocabulary(NamedTuple):
    """`columns` (f,): the known hashes, sorted. `idf` (f,): their weights."""

    columns: NDArray[np.int64]
    idf: NDArray[np.float32]


def program_counts(submission: Submission, language: str) -> Counts:
    """The n-grams of all files, names redacted. Comments are left out."""
    counts: Counter[int] = Counter()
    for file in redacted_files(submission, language):
        counts.update(ngram_counts(code_tokens(file.text, language), LONGEST_NGRAM))
    return counts


def fit_vocabulary(programs: Sequence[Counts]) -> Vocabulary:
    """Inverse document frequencies, smoothed: log((1 + n) / (1 + df)) + 1."""
    frequency = Counter(column for counts in programs for column in counts)
    columns = np.array(sorted(column for column, found in frequency.items() if found >= MIN_PROGRAMS), np.int64)
    found = np.array([frequency[column] for column in columns.tolist()], np.float64)
    return Vocabulary(columns, (np.log((1 + len(programs)) / (1 + found)) + 1).astype(np.float32))


def text_matrix(programs: Sequence[Counts], vocabulary: Vocabulary) -> Any:
    """A sparse matrix (n, f) of (1 + log count) * idf, rows scaled to length 1; a row without known n-grams is zero."""
    from scipy.sparse import csr_matrix

    columns, idf = vocabulary
    rows, data = [], []
    for counts in programs:
        hashes = np.fromiter(counts, np.int64, len(counts))
        places = np.searchsorted(columns, hashes)
        known = (places < len(columns)) & (columns[np.minimum(places, len(columns) - 1)] == hashes if len(columns) else 0)
        places = places[known]
        values = (1 + np.log(np.fromiter(counts.values(), np.float64, len(counts))[known])) * idf[places]
        rows.append(places)
        data.append(values / max(float(np.linalg.norm(values)), 1e-12))
    starts = np.cumsum([0, *map(len, rows)])
    empty = np.empty(0)
    return csr_matrix(
        (np.concatenate([empty, *data]), np.concatenate([empty.astype(np.int64), *rows]), starts),
        shape=(len(programs), len(columns)),
    )
