from pathlib import Path

from labs_schema.hashes import canonical_hash
from labs_schema.reading.validate import lab_folders, load_lab
from prompts.attacks.attack import target_rating
from prompts.attacks.evaluation import evaluation_attacks
from serving.injection import VERSION, sanitized, suspicions

LABS = Path(__file__).parents[3] / "labs"
MADE = {1: "66051eac291746f0c571324ac6558b16d944151434105f72468e1062ae1f817a"}
"""Version -> the hash of all that it finds and leaves of the sample programs and of attacked ones."""


def test_what_is_found_and_what_is_left_has_a_version() -> None:
    seen = []
    for lab in map(load_lab, lab_folders(LABS)):
        [first, *_] = [work for work in lab.submissions if work.files]
        attacked = [attack(first, lab.language, target_rating(lab.criteria)) for attack in evaluation_attacks()]
        for work in (*lab.submissions, *attacked):
            left = [file.model_dump() for file in sanitized(work, lab.language).files]
            seen.append([[found.reason for found in suspicions(work, lab.language)], left])
    assert MADE.get(VERSION) == canonical_hash(seen), "raise VERSION of serving.injection, and add its hash here"
