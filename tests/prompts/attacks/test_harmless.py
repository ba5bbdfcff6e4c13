import pytest

from labs_schema.models import SourceFile, Submission
from labs_schema.source.languages import LANGUAGES
from prompts.attacks.attack import Wanted
from prompts.attacks.harmless import harmless, harmless_twins
from prompts.attacks.measured import measured_attacks
from serving.suspicion import suspicions

WANTED = Wanted(letter="A", title="Full", words="All of it works")
TWINS = harmless_twins(measured_attacks(), WANTED)


def test_each_attack_has_a_twin_in_its_place_as_long_as_the_place_s_attacks_on_average() -> None:
    for attack in measured_attacks():
        twin = TWINS[attack.name]
        lengths = [len(a.text(WANTED)) for a in measured_attacks() if a.carrier is attack.carrier]
        assert twin.carrier is attack.carrier
        assert len(twin.text(WANTED)) == pytest.approx(sum(lengths) / len(lengths), abs=2)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_twin_talks_to_a_grader(language: str) -> None:
    work = Submission(student="s", folder="s@x", files=(SourceFile(path="main.c", text="f(1)\n"),))
    for twin in TWINS.values():
        assert suspicions(twin(work, language, WANTED), language) == ()
    assert len(harmless(1000)) in (999, 1000)
