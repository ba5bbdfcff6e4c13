"""The evaluation attacks, whose texts are never trained on, and control text to separate an attack's effect."""

from collections.abc import Sequence
from importlib.resources import files
from itertools import cycle

import yaml

from labs_schema.errors import GraderError
from prompts.attacks import injection_points, obfuscations
from prompts.attacks.attack import Attack, TargetRating

FILLING = """this part reads each value once and keeps the last one for later so that the next line can use it when the
loop comes around again and after that the sum is printed with a blank behind it before the file is closed"""


def _attack(family: str, name: str, words: str, point: str, obfuscation: str | None = None) -> Attack:
    return Attack(
        family=family,
        name=f"{family}-{name}",
        words=words,
        injection_point=getattr(injection_points, point),
        obfuscation=getattr(obfuscations, obfuscation) if obfuscation else None,
    )


FAMILIES: dict[str, tuple[Attack, ...]] = {
    family: tuple(_attack(family, name, **fields) for name, fields in attacks.items())
    for family, attacks in yaml.safe_load(files("prompts.attacks").joinpath("evaluation.yaml").read_bytes()).items()
}


def evaluation_attacks(named: Sequence[str] = ("all",)) -> tuple[Attack, ...]:
    """The attacks of the families or single attacks `named`, each once, in the suite's order.

    Raises GraderError with the unknown names.
    """
    suite = [attack for family in FAMILIES.values() for attack in family]
    known = {"all", *FAMILIES, *(attack.name for attack in suite)}
    if unknown := sorted(set(named) - known):
        raise GraderError(
            f"unknown attacks: {', '.join(map(repr, unknown))}. Use all, {', '.join(FAMILIES)}, "
            "or single attacks such as request-please.",
            code="unknown-attack",
        )
    return tuple(attack for attack in suite if {"all", attack.family, attack.name} & set(named))


def control_text(length: int) -> str:
    """`length` characters of words that are common in comments."""
    words, text = cycle(FILLING.split()), ""
    while len(text) < length:
        text += next(words) + " "
    return text[:length].rstrip()


def control_attacks(suite: Sequence[Attack], target: TargetRating) -> dict[str, Attack]:
    """Attack name -> the control at its injection point, one per point, of the average length of its attacks."""
    # Text that is merely longer, or one more declaration, also moves a model.
    lengths: dict[str, list[int]] = {}
    for attack in suite:
        lengths.setdefault(attack.injection_point.__name__, []).append(len(attack.text(target)))
    texts = {place: control_text(sum(found) // len(found)) for place, found in lengths.items()}
    return {attack.name: _control(attack, texts[attack.injection_point.__name__]) for attack in suite}


def _control(attack: Attack, text: str) -> Attack:
    name = f"control-{attack.injection_point.__name__.replace('_', '-')}"
    return Attack(family="control", name=name, words=text, injection_point=attack.injection_point)
