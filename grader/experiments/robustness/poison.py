"""Poisons training data with probability p: wrong labels, or injected prompts in students' programs.

Each random draw depends only on the seed and the name of the label or submission. So whatever is poisoned at p is also
poisoned at every higher p, in any order of rows.
"""

import random
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Literal, NamedTuple

from labs_schema.files.atomic import write_atomically
from labs_schema.frozen import Frozen
from labs_schema.hashes import file_hash, submission_key
from labs_schema.models import Lab
from prompts.attacks.attack import target_rating
from prompts.attacks.training import TRAINING_ATTACKS
from prompts.messages import shared_text
from prompts.verdict import LETTERS, parse_verdict
from training.dataset.json_rows import json_line
from training.dataset.manifest import MANIFEST, OutputFile
from training.dataset.pairs import PromptOptions, as_shown
from training.dataset.row_formats import PairRow, read_pairs
from training.run.mixture import open_dataset

PoisonKind = Literal["labels", "prompts"]

TRAIN = "train.jsonl"


class Swap(Frozen):
    """A changed label. `given`: title of the TA's rating. `preferred`: title of the rating now preferred."""

    lab: str
    submission: str
    criterion: str
    given: str
    preferred: str


class Injection(Frozen):
    """A submission with an injected prompt. `attack`: name of the attack."""

    lab: str
    submission: str
    attack: str


class Poison(Frozen):
    """The contents of `poison.json`: the changes to `units` labels (or submissions)."""

    kind: PoisonKind
    p: float
    seed: int
    units: int
    swaps: tuple[Swap, ...] = ()
    injections: tuple[Injection, ...] = ()

    @property
    def poisoned(self) -> int:
        return len(self.swaps) + len(self.injections)


class Poisoned(NamedTuple):
    rows: list[PairRow]
    poison: Poison


def poison_labels(rows: Sequence[PairRow], p: float, seed: int) -> Poisoned:
    """With probability `p` swaps a decision's preferred answer with one of its other ratings, chosen uniformly.

    A decision is all rows of one criterion of one submission; they must be consecutive.
    """
    changed: list[PairRow] = []
    swaps = []
    units = 0
    for (lab, submission, criterion), group in groupby(rows, key=lambda row: (row.lab, row.submission, row.criterion)):
        pairs = list(group)
        units += 1
        rng = _rng(seed, lab, submission, criterion)
        if rng.random() >= p:
            changed += pairs
            continue
        right, wrong = pairs[0].chosen, rng.choice(pairs).rejected
        given, preferred = (_title(pairs[0], verdict) for verdict in (right, wrong))
        swaps.append(Swap(lab=lab, submission=submission, criterion=criterion, given=given, preferred=preferred))
        for pair in pairs:
            rejected = right if pair.rejected == wrong else pair.rejected
            changed.append(pair.model_copy(update={"chosen": wrong, "rejected": rejected}))
    return Poisoned(changed, Poison(kind="labels", p=p, seed=seed, units=units, swaps=tuple(swaps)))


def poison_prompts(
    rows: Sequence[PairRow], labs: Mapping[str, Lab], built: PromptOptions, p: float, seed: int
) -> Poisoned:
    """With probability `p` injects an attack from `prompts.attacks.training` into a submission; labels are unchanged.

    `labs`: by name, those that the rows were built from; `built`: how.
    """
    changed: list[PairRow] = []
    injections = []
    units = 0
    submissions = {(lab.name, submission_key(lab.name, s.student)): s for lab in labs.values() for s in lab.submissions}
    for (name, submission), group in groupby(rows, key=lambda row: (row.lab, row.submission)):
        pairs = list(group)
        units += 1
        rng = _rng(seed, name, submission)
        if rng.random() >= p:
            changed += pairs
            continue
        lab, attack = labs[name], rng.choice(TRAINING_ATTACKS)
        target = target_rating(lab.criteria, {pair.criterion: pair.options for pair in pairs})
        shown = as_shown(lab, submissions[name, submission], built.unobserved_share, built.seed)
        shared = shared_text(lab, attack(shown, lab.language, target), built.style)
        injections.append(Injection(lab=name, submission=submission, attack=attack.name))
        changed += [
            pair.model_copy(update={"prompt": shared + pair.prompt[pair.shared_chars :], "shared_chars": len(shared)})
            for pair in pairs
        ]
    return Poisoned(changed, Poison(kind="prompts", p=p, seed=seed, units=units, injections=tuple(injections)))


def write_poisoned(
    kind: PoisonKind, p: float, seed: int, *, dataset: Path, labs: Mapping[str, Lab], out: Path
) -> Poison:
    """Writes a poisoned copy of `dataset` to `out`: the training file, `poison.json`, and the manifest last."""
    clean = open_dataset(dataset)
    rows = [*read_pairs(clean.path)]
    if kind == "labels":
        found = poison_labels(rows, p, seed)
    else:
        made = clean.manifest
        built = PromptOptions(style=made.style, seed=made.seed, unobserved_share=made.unobserved_share)
        found = poison_prompts(rows, labs, built, p, seed)
    out.mkdir(parents=True, exist_ok=True)
    (out / TRAIN).write_bytes(b"".join(map(json_line, found.rows)))
    write_atomically(out / "poison.json", found.poison.model_dump_json(indent=1) + "\n")
    size = (out / TRAIN).stat().st_size
    written = OutputFile(sha256=file_hash(out / TRAIN), bytes=size, rows=len(found.rows))
    manifest = clean.manifest.model_copy(update={"outputs": {TRAIN: written}})
    write_atomically(out / MANIFEST, manifest.model_dump_json(indent=1) + "\n")
    return found.poison


def _rng(seed: int, *names: str) -> random.Random:
    return random.Random("\0".join(("poison", str(seed), *names)))


def _title(row: PairRow, verdict: str) -> str:
    return row.options[LETTERS.index(parse_verdict(verdict).letter)]
