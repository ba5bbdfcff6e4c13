import pytest

from labs_schema.models import SourceFile, Submission
from labs_schema.source.languages import LANGUAGES
from prompts.attacks.attack import TargetRating
from prompts.attacks.controls import control_attacks, harmless
from prompts.attacks.evaluation import evaluation_attacks
from serving.injection import suspicions

WANTED = TargetRating(letter="A", title="Full", words="All of it works")
TWINS = control_attacks(evaluation_attacks(), WANTED)


def test_each_attack_has_a_twin_in_its_place_as_long_as_the_place_s_attacks_on_average() -> None:
    for attack in evaluation_attacks():
        twin = TWINS[attack.name]
        lengths = [len(a.text(WANTED)) for a in evaluation_attacks() if a.injection_point is attack.injection_point]
        assert twin.injection_point is attack.injection_point
        assert len(twin.text(WANTED)) == pytest.approx(sum(lengths) / len(lengths), abs=2)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_twin_talks_to_a_grader(language: str) -> None:
    work = Submission(student="s", folder="s@x", files=(SourceFile(path="main.c", text="f(1)\n"),))
    for twin in TWINS.values():
        assert suspicions(twin(work, language, WANTED), language) == ()
    assert len(harmless(1000)) in (999, 1000)
