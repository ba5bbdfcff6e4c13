"""Where a grade came from. Knows hashes and names, no path and no engine's inside."""

from functools import cache
from importlib.metadata import version

from labs_schema.frozen import Frozen
from labs_schema.grades import Provenance
from labs_schema.hashes import canonical_hash, rubric_hash, submission_hash
from labs_schema.models import Lab, Submission
from serving.engines.engine import Engine


class ModelIdentity(Frozen):
    """Which model answers: its base's name and the SHA-256 of its weights, its tokenizer and its wording."""

    base_model: str
    model_hash: str
    tokenizer_hash: str
    prompt_hash: str


def provenance(
    identity: ModelIdentity, engine: Engine, lab: Lab, submission: Submission, settings: dict[str, object]
) -> Provenance:
    """`settings` is everything else that can change a grade, such as the thresholds."""
    return Provenance(
        grader_version=own_version(),
        engine=engine.name,
        engine_version=engine.version,
        **identity.model_dump(),
        rubric_hash=rubric_hash(lab),
        submission_hash=submission_hash(submission),
        settings_hash=canonical_hash(settings),
    )


@cache
def own_version() -> str:
    """Read once: it comes from a file of the installation."""
    return version("grader")
