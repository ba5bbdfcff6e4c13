"""Detector and sanitizer against the evaluation attacks."""

import re
from collections import Counter
from pathlib import Path

import pytest

from labs_schema.models import Lab, Submission
from labs_schema.reading.validate import lab_folders, load_lab
from prompts.attacks.attack import Attack, target_rating
from prompts.attacks.evaluation import FAMILIES, evaluation_attacks
from serving.injection import detect, sanitized

LABS = [load_lab(folder) for folder in lab_folders(Path(__file__).parents[3] / "labs")]


def clean(lab: Lab) -> Submission:
    return next(each for each in lab.submissions if each.files)


def attacked(attack: Attack, lab: Lab) -> Submission:
    """A clean submission of the lab with the attack in it."""
    return attack(clean(lab), lab.language, target_rating(lab.criteria))


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.name)
def test_the_detector_alone_finds_three_of_four(lab: Lab) -> None:
    found = Counter[str]()
    for attack in evaluation_attacks():
        found[attack.family] += bool(detect(attacked(attack, lab), lab.language))
    assert found.total() >= 0.75 * len(evaluation_attacks())
    for certain in ("structure", "obfuscation", "placement", "output"):
        assert found[certain] == len(FAMILIES[certain])


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.name)
def test_no_word_of_an_injected_prompt_is_left_in_the_sanitized_copy(lab: Lab) -> None:
    for attack in evaluation_attacks():
        injected = long_words(attack.text(target_rating(lab.criteria))) | long_words(attack.words)
        copy = sanitized(attacked(attack, lab), lab.language)
        printed = [each.actual or "" for each in copy.observations.results] if copy.observations else []
        left = long_words(*(f"{file.path} {file.text}" for file in copy.files), *printed)
        before = long_words(*(f"{file.path} {file.text}" for file in clean(lab).files))
        assert (attack.name, injected & left - before) == (attack.name, set())


def long_words(*texts: str) -> set[str]:
    """Words of five letters or more, also within names."""
    return {word.lower() for text in texts for word in re.findall(r"[^\W\d_]{5,}", text)} - {"xxxxx", "define"}
