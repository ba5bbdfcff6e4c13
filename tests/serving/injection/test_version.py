from pathlib import Path

from labs_schema.hashes import canonical_hash
from labs_schema.reading.validate import lab_folders, load_lab
from prompts.attacks.attack import target_rating
from prompts.attacks.evaluation import evaluation_attacks
from serving.injection import VERSION, detect, sanitized

LABS = Path(__file__).parents[3] / "labs"
HASHES = {3: "8fc2a1e3a60bd51bb8069b5d80d104d45d408f63b6e4fb00f64a8b363550624d"}
"""Version -> the hash of all findings and sanitized copies of the sample programs, clean and attacked."""


def test_the_version_changes_with_findings_and_sanitized_copies() -> None:
    seen = []
    for lab in map(load_lab, lab_folders(LABS)):
        [first, *_] = [work for work in lab.submissions if work.files]
        attacked = [attack(first, lab.language, target_rating(lab.criteria)) for attack in evaluation_attacks()]
        for work in (*lab.submissions, *attacked):
            copy = sanitized(work, lab.language)
            left = [[file.model_dump() for file in copy.files], copy.observations and copy.observations.model_dump()]
            seen.append([[found.place for found in detect(work, lab.language)], left])
    assert HASHES.get(VERSION) == canonical_hash(seen), (
        f"raise VERSION of serving.injection and add the hash {canonical_hash(seen)}"
    )
