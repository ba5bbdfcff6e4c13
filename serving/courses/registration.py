"""Which model a course uses, as it was checked when it was registered. Knows no disk and no database."""

from labs_schema.frozen import Frozen


class ModelFacts(Frozen):
    """What a model is known by. Hashes are SHA-256 in hexadecimal; `calibration_hash` is None without a calibration."""

    base_model: str
    licence: str | None
    model_hash: str
    tokenizer_hash: str
    prompt_hash: str
    calibration_hash: str | None


class Registration(Frozen):
    """`model`: an absolute path on the machines that serve; `labs`: that of the folder of the course's labs, or None.

    `seq` grows with every registration: another one is another decision, even about the same path.
    """

    seq: int
    at: str
    course: str
    model: str
    labs: str | None
    facts: ModelFacts


NAMES = {
    "base_model": "base model",
    "model_hash": "weights",
    "tokenizer_hash": "tokenizer",
    "prompt_hash": "prompts",
    "calibration_hash": "calibration",
}


def differences(registered: ModelFacts, found: ModelFacts) -> list[str]:
    """What `found` has otherwise than what was registered, in words without a path; empty where nothing."""
    return [name for field, name in NAMES.items() if getattr(registered, field) != getattr(found, field)]
