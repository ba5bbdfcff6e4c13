"""The curve of the estimated agreement, as points of an SVG drawing."""

from collections.abc import Sequence
from typing import NamedTuple

from serving.review.labelling.labelling import TARGET, Estimate

WIDTH, HEIGHT = 320.0, 120.0


class Curve(NamedTuple):
    """Points as `x,y x,y ...` in a drawing of WIDTH by HEIGHT, whose height is the agreement from 0 to 1. `band`: the
    outline of the intervals. `target`, `majority`: heights of horizontal lines."""

    line: str
    band: str
    last: tuple[float, float]
    target: float
    majority: float
    width: float = WIDTH
    height: float = HEIGHT


def agreement_curve(estimates: Sequence[Estimate]) -> Curve | None:
    """The estimated agreement by the number of ratings; None without an estimate."""
    if not estimates:
        return None
    first, most = estimates[0].decisions, max(each.decisions for each in estimates)

    def x(estimate: Estimate) -> float:
        return round(WIDTH * (estimate.decisions - first) / (most - first), 1) if most > first else WIDTH / 2

    upper = [f"{x(each)},{_y(each.high)}" for each in estimates]
    lower = [f"{x(each)},{_y(each.low)}" for each in reversed(estimates)]
    newest = estimates[-1]
    return Curve(
        line=" ".join(f"{x(each)},{_y(each.agreement)}" for each in estimates),
        band=" ".join(upper + lower),
        last=(x(newest), _y(newest.agreement)),
        target=_y(TARGET),
        majority=_y(newest.majority),
    )


def _y(share: float) -> float:
    return round(HEIGHT * (1 - share), 1)
