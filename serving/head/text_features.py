"""Programs as weighted n-grams of code tokens."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from labs_schema.source.code_tokens import code_tokens, ngrams

LONGEST_NGRAM = 3
MIN_PROGRAMS = 2
"""Rarer n-grams are ignored."""
Ngrams = Collection[int]
"""The hashes of the n-grams of a program."""


class Vocabulary(NamedTuple):
    """`columns` (f,): the known hashes, sorted. `idf` (f,): their weights."""

    columns: NDArray[np.int64]
    idf: NDArray[np.float32]


def program_ngrams(text: str, language: str) -> Ngrams:
    """The n-grams of a program's working code."""
    return ngrams(code_tokens(text, language), LONGEST_NGRAM)


def fit_vocabulary(programs: Sequence[Ngrams]) -> Vocabulary:
    """Inverse document frequencies, smoothed: log((1 + n) / (1 + df)) + 1."""
    frequency = Counter(column for ngrams in programs for column in ngrams)
    columns = np.array(sorted(column for column, found in frequency.items() if found >= MIN_PROGRAMS), np.int64)
    found = np.array([frequency[column] for column in columns.tolist()], np.float64)
    return Vocabulary(columns, (np.log((1 + len(programs)) / (1 + found)) + 1).astype(np.float32))


def text_matrix(programs: Sequence[Ngrams], vocabulary: Vocabulary) -> Any:
    """A sparse matrix (n, f): the idf of each n-gram that a program has, rows scaled to length 1; a program without
    known n-grams is zero. Frequencies are not used: they scored slightly lower."""
    from scipy.sparse import csr_matrix

    places = [np.flatnonzero(np.isin(vocabulary.columns, list(ngrams))) for ngrams in programs]
    values = [vocabulary.idf[each].astype(np.float64) for each in places]
    return csr_matrix(
        (
            np.concatenate([np.empty(0), *(each / max(float(np.linalg.norm(each)), 1e-12) for each in values)]),
            np.concatenate([np.empty(0, np.int64), *places]),
            np.cumsum([0, *map(len, places)]),
        ),
        shape=(len(programs), len(vocabulary.columns)),
    )
