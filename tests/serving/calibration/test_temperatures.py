import numpy as np
import pytest

from serving.calibration.temperatures import LIMIT, fit_log_temperature, fit_temperatures
from serving.measures.decisions import Decision


def drawn(n: int, temperature: float, *, lab: str = "a", criterion: str = "x", seed: int = 0) -> list[Decision]:
    """Decisions of a model whose log-probabilities must be divided by `temperature` to hold."""
    draw = np.random.default_rng(seed)
    found = []
    for i in range(n):
        true = draw.dirichlet([1, 1, 1])
        said = true**temperature / (true**temperature).sum()
        found.append(
            Decision(
                lab=lab,
                language="c",
                student=f"s{i}",
                criterion=criterion,
                ratings=3,
                human=int(draw.choice(3, p=true)),
                grader=int(said.argmax()),
                probabilities=tuple(said.tolist()),
                confidence=float(said.max()),
            )
        )
    return found


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0, 4.0])
def test_the_temperature_that_the_shares_were_made_with_is_found(temperature: float) -> None:
    assert fit_temperatures(drawn(4000, temperature)).overall == pytest.approx(temperature, rel=0.1)


def test_a_criterion_s_own_temperature_is_found_from_many_and_drawn_in_from_few() -> None:
    common = drawn(2000, 1.0)
    many = fit_temperatures([*common, *drawn(2000, 2.0, criterion="y", seed=1)])
    few = fit_temperatures([*common, *drawn(10, 2.0, criterion="y", seed=1)])
    assert many.labs["a"]["y"] == pytest.approx(2.0, rel=0.15)
    assert few.labs["a"]["y"] == pytest.approx(few.overall, rel=0.4)


def test_the_same_title_in_two_labs_has_two_temperatures() -> None:
    found = fit_temperatures([*drawn(1500, 1.0), *drawn(1500, 3.0, lab="b", seed=1)])
    assert found.labs["a"]["x"] < found.labs["b"]["x"]


def test_a_model_that_is_always_right_keeps_a_finite_temperature() -> None:
    right = [d.model_copy(update={"human": d.grader}) for d in drawn(200, 1.0)]
    assert -LIMIT < fit_log_temperature(right, 0.0, 1.0) < 0


def test_a_rating_that_was_given_no_probability_at_all_is_survived() -> None:
    impossible = drawn(1, 1.0)[0].model_copy(update={"probabilities": (1.0, 0.0, 0.0), "human": 1, "grader": 0})
    assert fit_temperatures([impossible]).overall > 1


def test_a_criterion_that_was_never_seen_takes_the_temperature_of_all() -> None:
    found = fit_temperatures(drawn(500, 2.0))
    other = drawn(1, 1.0, criterion="z")[0]
    powered = np.array(other.probabilities) ** (1 / found.overall)
    assert found.confidence(other) == pytest.approx(float(powered.max() / powered.sum()))


def test_without_decisions_the_temperature_is_1() -> None:
    assert fit_temperatures([]).overall == 1.0
