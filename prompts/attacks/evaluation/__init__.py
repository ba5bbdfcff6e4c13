"""The evaluation attacks: families whose texts are never trained on."""

from collections.abc import Sequence

from labs_schema.errors import GraderError
from prompts.attacks.attack import Attack
from prompts.attacks.evaluation.authority import AUTHORITY
from prompts.attacks.evaluation.evidence import EVIDENCE
from prompts.attacks.evaluation.obfuscation import OBFUSCATION
from prompts.attacks.evaluation.override import OVERRIDE
from prompts.attacks.evaluation.placement import PLACEMENT
from prompts.attacks.evaluation.request import REQUEST
from prompts.attacks.evaluation.structure import STRUCTURE
from prompts.attacks.evaluation.verdict import VERDICT

FAMILIES: dict[str, tuple[Attack, ...]] = {
    family[0].family: family
    for family in (REQUEST, AUTHORITY, OVERRIDE, VERDICT, EVIDENCE, OBFUSCATION, PLACEMENT, STRUCTURE)
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
            "or single attacks such as request-please."
        )
    return tuple(attack for attack in suite if {"all", attack.family, attack.name} & set(named))
