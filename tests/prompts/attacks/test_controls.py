"""Control text at the injection points of the attacks."""

import pytest

from labs_schema.models import SourceFile, Submission
from labs_schema.source.languages import LANGUAGES
from prompts.attacks.attack import TargetRating
from prompts.attacks.evaluation import control_attacks, control_text, evaluation_attacks
from prompts.attacks.injection_points import program_output
from serving.injection import detect

TARGET = TargetRating(letter="A", title="Full", words="All of it works")
CONTROLS = control_attacks(evaluation_attacks(), TARGET)


def test_controls_match_their_attacks_in_place_and_length() -> None:
    for attack in evaluation_attacks():
        control = CONTROLS[attack.name]
        place = attack.injection_point
        lengths = [len(a.text(TARGET)) for a in evaluation_attacks() if a.injection_point is place]
        assert control.injection_point is place
        assert len(control.text(TARGET)) == pytest.approx(sum(lengths) / len(lengths), abs=2)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_control_is_flagged(language: str) -> None:
    work = Submission(student="s", folder="s@x", files=(SourceFile(path="main.c", text="f(1)\n"),))
    for control in CONTROLS.values():
        found = {finding.kind for finding in detect(control(work, language, TARGET), language)}
        # Whatever its words are, prose in an output that is not in the source is a finding by its form.
        assert found == ({"program output"} if control.injection_point is program_output else set())
    assert len(control_text(1000)) in (999, 1000)
