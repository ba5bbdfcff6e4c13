"""Training data made worse on purpose, with probability p: wrong labels, or students who write to the grader.

Pure functions of rows, p and a seed. What is drawn for a label or a submission depends on its name and the seed alone:
what is poisoned at p is poisoned at every higher p too, in any order of rows. Knows no model and no file.
"""

import random
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Literal, NamedTuple

from labs_schema.frozen import Frozen
from labs_schema.hashes import submission_key
from labs_schema.models import Lab
from prompts.attacks.attack import target_rating
from prompts.attacks.training import TRAINING_ATTACKS
from prompts.messages import shared_text
from prompts.style import PromptStyle
from prompts.verdict import LETTERS, parse_verdict
from training.dataset.rows import PairRow

Kind = Literal["labels", "prompts"]


class Swap(Frozen):
    """A label that was changed: the rating the TA gave, and the one that is preferred now, by their titles."""

    lab: str
    submission: str
    criterion: str
    given: str
    preferred: str


class Plea(Frozen):
    """A submission into which an attack was put, by the attack's name."""

    lab: str
    submission: str
    attack: str


class Poison(Frozen):
    """What was done to `units` labels (or submissions): `swaps` of labels, or `pleas` in programs."""

    kind: Kind
    p: float
    seed: int
    units: int
    swaps: tuple[Swap, ...] = ()
    pleas: tuple[Plea, ...] = ()

    @property
    def poisoned(self) -> int:
        return len(self.swaps) + len(self.pleas)


class Poisoned(NamedTuple):
    rows: list[PairRow]
    poison: Poison


def poison_labels(rows: Sequence[PairRow], p: float, seed: int) -> Poisoned:
    """With probability `p` a decision's preferred answer changes places with another of its ratings, each as likely.

    A decision is all rows of one criterion of one submission, which must stand together.
    """
    changed: list[PairRow] = []
    swaps = []
    units = 0
    for (lab, submission, criterion), group in groupby(rows, key=lambda row: (row.lab, row.submission, row.criterion)):
        pairs = list(group)
        units += 1
        chance = _chance(seed, lab, submission, criterion)
        if chance.random() >= p:
            changed += pairs
            continue
        right, wrong = pairs[0].chosen, chance.choice(pairs).rejected
        given, preferred = (_title(pairs[0], verdict) for verdict in (right, wrong))
        swaps.append(Swap(lab=lab, submission=submission, criterion=criterion, given=given, preferred=preferred))
        for pair in pairs:
            rejected = right if pair.rejected == wrong else pair.rejected
            changed.append(pair.model_copy(update={"chosen": wrong, "rejected": rejected}))
    return Poisoned(changed, Poison(kind="labels", p=p, seed=seed, units=units, swaps=tuple(swaps)))


def poison_prompts(
    rows: Sequence[PairRow], labs: Mapping[str, Lab], style: PromptStyle, p: float, seed: int
) -> Poisoned:
    """With probability `p` a submission's program pleads for a better rating, in words of `prompts.attacks.training`.

    The labels stay the TA's. `labs`: by name, those that the rows were built from, in `style`.
    """
    changed: list[PairRow] = []
    pleas = []
    units = 0
    works = {(lab.name, submission_key(lab.name, s.student)): s for lab in labs.values() for s in lab.submissions}
    for (name, submission), group in groupby(rows, key=lambda row: (row.lab, row.submission)):
        pairs = list(group)
        units += 1
        chance = _chance(seed, name, submission)
        if chance.random() >= p:
            changed += pairs
            continue
        lab, attack = labs[name], chance.choice(TRAINING_ATTACKS)
        plea = target_rating(lab.criteria, {pair.criterion: pair.options for pair in pairs})
        shared = shared_text(lab, attack(works[name, submission], lab.language, plea), style)
        pleas.append(Plea(lab=name, submission=submission, attack=attack.name))
        changed += [
            pair.model_copy(update={"prompt": shared + pair.prompt[pair.shared_chars :], "shared_chars": len(shared)})
            for pair in pairs
        ]
    return Poisoned(changed, Poison(kind="prompts", p=p, seed=seed, units=units, pleas=tuple(pleas)))


def _chance(seed: int, *names: str) -> random.Random:
    return random.Random("\0".join(("poison", str(seed), *names)))


def _title(row: PairRow, verdict: str) -> str:
    return row.options[LETTERS.index(parse_verdict(verdict).letter)]
