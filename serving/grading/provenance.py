"""Builds a grade's provenance: model, engine, rubric, submission and settings."""

from functools import cache
from importlib.metadata import version

from labs_schema.frozen import Frozen
from labs_schema.grades import Provenance
from labs_schema.hashes import canonical_hash, observations_hash, rubric_hash, submission_hash
from labs_schema.models import Lab, Submission
from serving.engines.engine import Engine


class ModelIdentity(Frozen):
    """The base model's name and the SHA-256 of the weights, the tokenizer and the prompt template."""

    base_model: str
    model_hash: str
    tokenizer_hash: str
    prompt_hash: str


def provenance(
    identity: ModelIdentity, engine: Engine, lab: Lab, submission: Submission, settings: dict[str, object]
) -> Provenance:
    """`settings`: everything else that can change a grade, such as the thresholds."""
    return Provenance(
        grader_version=own_version(),
        engine=engine.name,
        engine_version=engine.version,
        **identity.model_dump(),
        rubric_hash=rubric_hash(lab),
        submission_hash=submission_hash(submission),
        observations_hash=observations_hash(submission),
        settings_hash=canonical_hash(settings),
    )


@cache  # importlib.metadata reads a file of the installation each time
def own_version() -> str:
    return version("grader")
