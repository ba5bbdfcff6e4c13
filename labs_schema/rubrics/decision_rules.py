"""Reads `decided_by` of a criterion: the rules by which observed outcomes decide its rating."""

from pydantic import ValidationError

from labs_schema.decided_by import KIND, OutcomeRule
from labs_schema.errors import IssueCollector, did_you_mean, quoted
from labs_schema.models import Criterion
from labs_schema.observations import CheckKind
from labs_schema.rubrics.titles import Titles

RUBRIC = "rubrics.json"
MAX_RULES = 100


def read_rules(written: object, criterion: Criterion, where: str, issues: IssueCollector) -> tuple[OutcomeRule, ...]:
    """The valid rules in order, with the titles of the criterion's ratings; an error for each invalid one."""
    if written is None:
        return ()
    if not isinstance(written, list) or not 0 < len(written) <= MAX_RULES:
        issues.error(
            "bad-decided-by", RUBRIC, found=f"decided_by of {where} that is not a list of 1 to {MAX_RULES} rules"
        )
        return ()
    titles = Titles(rating.title for rating in criterion.ratings)
    found = [_rule(each, titles, criterion, f"rule {n} of {where}", issues) for n, each in enumerate(written, 1)]
    rules = tuple(rule for rule in found if rule)
    for number, rule in enumerate(rules[:-1], 1):
        if not rule.selectors:
            issues.error("bad-decided-by", RUBRIC, found=f"rules of {where} after rule {number}, which always holds")
    return rules


def _rule(
    written: object, titles: Titles, criterion: Criterion, where: str, issues: IssueCollector
) -> OutcomeRule | None:
    try:
        rule = OutcomeRule.model_validate(written)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))
        issues.error("bad-decided-by", RUBRIC, found=f"{where}: {quoted(place)}: {first['msg'][:100]}")
        return None
    title = titles.find(rule.rating)
    kinds = {f"{KIND}{kind}" for kind in CheckKind}
    wrong = [each for each in rule.selectors if each.startswith(KIND) and each not in kinds]
    if title is None:
        known = [rating.title for rating in criterion.ratings]
        found = f"{where}: the rating {quoted(rule.rating)}, which the criterion lacks"
        issues.error("bad-decided-by", RUBRIC, found=found, suggestion=did_you_mean(rule.rating, known))
    elif wrong:
        suggestion = did_you_mean(wrong[0], kinds)
        issues.error("bad-decided-by", RUBRIC, found=f"{where}: {quoted(wrong[0])}", suggestion=suggestion)
    return rule.model_copy(update={"rating": title or rule.rating})
