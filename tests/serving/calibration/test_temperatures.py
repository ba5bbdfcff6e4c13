"""Temperatures fitted to decisions of a model with a known temperature."""

import numpy as np
import pytest

from serving.calibration.fitting import MAX_LOG_T, fit_log_temperature, fit_temperatures
from serving.measures.decisions import Decision
from tests.harness.courses.decisions import decision


def drawn(n: int, temperature: float, *, lab: str = "a", criterion: str = "x", seed: int = 0) -> list[Decision]:
    """Decisions of a model whose log-probabilities must be divided by `temperature` to be calibrated."""
    rng = np.random.default_rng(seed)
    found = []
    for i in range(n):
        true = rng.dirichlet([1, 1, 1])
        model = true**temperature / (true**temperature).sum()
        found.append(
            decision(
                f"s{i}",
                int(rng.choice(3, p=true)),
                int(model.argmax()),
                lab=lab,
                criterion=criterion,
                probabilities=tuple(model.tolist()),
                confidence=float(model.max()),
            )
        )
    return found


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0, 4.0])
def test_known_temperature_is_recovered(temperature: float) -> None:
    assert fit_temperatures(drawn(4000, temperature)).overall == pytest.approx(temperature, rel=0.1)


def test_criterion_temperature_shrinks_to_the_overall_one_with_few_data() -> None:
    common = drawn(2000, 1.0)
    many = fit_temperatures([*common, *drawn(2000, 2.0, criterion="y", seed=1)])
    few = fit_temperatures([*common, *drawn(10, 2.0, criterion="y", seed=1)])
    assert many.labs["a"]["y"] == pytest.approx(2.0, rel=0.15)
    assert few.labs["a"]["y"] == pytest.approx(few.overall, rel=0.4)


def test_same_title_in_two_labs_has_two_temperatures() -> None:
    found = fit_temperatures([*drawn(1500, 1.0), *drawn(1500, 3.0, lab="b", seed=1)])
    assert found.labs["a"]["x"] < found.labs["b"]["x"]


def test_temperature_of_a_perfect_model_is_finite() -> None:
    right = [d.model_copy(update={"human": d.grader}) for d in drawn(200, 1.0)]
    assert -MAX_LOG_T < fit_log_temperature(right, 0.0, 1.0) < 0


def test_rating_with_probability_zero_gives_a_finite_temperature() -> None:
    impossible = drawn(1, 1.0)[0].model_copy(update={"probabilities": (1.0, 0.0, 0.0), "human": 1, "grader": 0})
    assert fit_temperatures([impossible]).overall > 1


def test_unknown_criterion_uses_the_overall_temperature() -> None:
    found = fit_temperatures(drawn(500, 2.0))
    other = drawn(1, 1.0, criterion="z")[0]
    powered = np.array(other.probabilities) ** (1 / found.overall)
    assert found.confidence(other) == pytest.approx(float(powered.max() / powered.sum()))


def test_temperature_is_one_without_decisions() -> None:
    assert fit_temperatures([]).overall == 1.0
