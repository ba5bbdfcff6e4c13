"""Rules by which observed outcomes decide the rating of a criterion, and the decision for a submission."""

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, NamedTuple

from pydantic import Field

from labs_schema.frozen import Frozen
from labs_schema.limits import ObservationLimits
from labs_schema.observations import (
    CONCLUSIVE,
    CheckResult,
    EvidenceLine,
    Outcome,
    SubmissionObservations,
    evidence_line,
)

TAG, KIND = "tag:", "kind:"
_LIMITS = ObservationLimits()
Selectors = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=_LIMITS.name_chars)], ...],
    Field(max_length=_LIMITS.results),
]


class OutcomeRule(Frozen):
    """Gives `rating` if all of its conditions hold; without conditions it always does.

    A condition lists checks by name, `tag:boundary` for all tests with a tag, or `kind:test` for all of a kind.
    """

    rating: str = Field(min_length=1, description="The title of a rating of the criterion.")
    all_passed: Selectors = Field(default=(), description="Checks that must all have passed.")
    any_passed: Selectors = Field(default=(), description="Checks of which at least one must have passed.")
    none_passed: Selectors = Field(default=(), description="Checks of which none may have passed.")
    all_ended: Selectors = Field(default=(), description="Checks that must all have ended normally, passed or failed.")
    any_ended: Selectors = Field(default=(), description="Checks of which at least one must have ended normally.")

    @property
    def selectors(self) -> tuple[str, ...]:
        return self.all_passed + self.any_passed + self.none_passed + self.all_ended + self.any_ended


class Decided(NamedTuple):
    """`rating` is None if the observations do not decide; `missing` then names what was not observed.

    `not_isolated`: the passed checks behind the rating whose outcome the program could have changed.
    """

    rating: str | None
    evidence: tuple[EvidenceLine, ...] = ()
    missing: str = ""
    not_isolated: tuple[str, ...] = ()


def decide(rules: Sequence[OutcomeRule], observations: SubmissionObservations | None) -> Decided:
    """The rating of the first rule that holds. Undecided if an earlier rule might hold as well, because an outcome that
    it needs is missing or inconclusive (`not_run`, `error`, `flaky`): a rating is never a guess.

    Checks that did not run because the program was not built count as failed.
    """
    if observations is None:
        return Decided(None, missing="the submission was not observed")
    seen: dict[str, CheckResult] = {}
    for rule in rules:
        states, used, unknown = _evaluate(rule, observations)
        seen |= {each.check: each for each in used}
        if False in states:
            continue
        if None in states:
            return Decided(None, missing=f"no conclusive outcome of {', '.join(map(repr, unknown))}"[:300])
        behind = used or tuple(seen.values())
        forgeable = tuple(dict.fromkeys(each.check for each in behind if each.passed and not each.isolated))
        return Decided(rule.rating, evidence_lines(behind), not_isolated=forgeable)
    return Decided(None, missing="no rule holds")


def _evaluate(
    rule: OutcomeRule, observations: SubmissionObservations
) -> tuple[list[bool | None], tuple[CheckResult, ...], list[str]]:
    """Whether each condition holds (None: unknown), the results it rests on, and the selectors without an outcome."""
    states: list[bool | None] = []
    used: list[CheckResult] = []
    unknown: list[str] = []
    for selectors, combine, holds in (
        (rule.all_passed, _all, _passed),
        (rule.any_passed, _any, _passed),
        (rule.none_passed, _none, _passed),
        (rule.all_ended, _all, _ended),
        (rule.any_ended, _any, _ended),
    ):
        outcomes: list[bool | None] = []
        for selector in selectors:
            results = selected(selector, observations)
            found = [_known(each, observations, holds) for each in results] or [None]
            unknown += [selector] if None in found else []
            outcomes += found
            used += results
        if selectors:
            states.append(combine(outcomes))
    return states, tuple(used), unknown


def _all(found: list[bool | None]) -> bool | None:
    return False if False in found else None if None in found else True


def _any(found: list[bool | None]) -> bool | None:
    return True if True in found else None if None in found else False


def _none(found: list[bool | None]) -> bool | None:
    any_of_them = _any(found)
    return None if any_of_them is None else not any_of_them


def selected(selector: str, observations: SubmissionObservations) -> list[CheckResult]:
    """The results that a name, a tag or a kind selects."""
    if selector.startswith(TAG):
        return [each for each in observations.results if selector.removeprefix(TAG) in each.tags]
    if selector.startswith(KIND):
        return [each for each in observations.results if each.kind == selector.removeprefix(KIND)]
    return [each for each in observations.results if each.check == selector]


def _passed(result: CheckResult) -> bool:
    return result.passed


def _ended(result: CheckResult) -> bool:
    return result.outcome in (Outcome.PASSED, Outcome.FAILED)


def _known(
    result: CheckResult, observations: SubmissionObservations, holds: Callable[[CheckResult], bool]
) -> bool | None:
    """Whether `holds`; None if the outcome is inconclusive."""
    if result.outcome in CONCLUSIVE:
        return holds(result)
    build = observations.build
    not_built = build is not None and build.outcome in CONCLUSIVE and not build.passed
    return False if result.outcome is Outcome.NOT_RUN and not_built else None


def evidence_lines(results: Iterable[CheckResult]) -> tuple[EvidenceLine, ...]:
    """Failures first, at most `ObservationLimits.evidence_lines`."""
    unique = {each.check: each for each in results}.values()
    ordered = sorted(unique, key=lambda each: each.passed)
    return tuple(map(evidence_line, ordered[: _LIMITS.evidence_lines]))
