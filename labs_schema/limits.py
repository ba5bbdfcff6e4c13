"""Every limit of the product in one place: sizes, counts and time-outs. The reference page is generated from here.

One frozen record per concern. A field's name ends with its unit (`_bytes`, `_seconds`, ...); its description says what
happens past the limit.
"""

from pydantic import Field

from labs_schema.frozen import Frozen


class Limits(Frozen):
    """The caps that keep a hostile or mistaken lab from filling memory or disk."""

    statement_bytes: int = 1_000_000
    rubric_bytes: int = 5_000_000
    table_bytes: int = 200_000_000
    line_chars: int = 1_000_000
    source_bytes: int = 1_000_000
    submission_bytes: int = 5_000_000
    submission_files: int = 500
    folder_depth: int = 24
    archive_bytes: int = 20_000_000
    expanded_bytes: int = 100_000_000
    ratio: int = Field(100, description="How many bytes one compressed byte may expand to.")
    ratio_from: int = Field(1_000_000, description="Bytes below which the compression ratio is not checked.")


class QueueLimits(Frozen):
    """The queue in front of the engine."""

    capacity_submissions: int = Field(64, description="Interactive submissions that may wait; past it, 503.")
    batch_submissions: int = Field(16, description="Submissions that one engine call grades.")
    course_share: float = Field(
        0.5, description="Part of the queue that one course may fill where several courses are served."
    )
    retry_after_seconds: int = Field(60, description="The longest wait that a `Retry-After` header suggests.")
    model_switch_seconds: float = Field(
        0.1, description="A slower switch between models counts as loading: the course may then use the same time."
    )
    short_program_chars: int = Field(
        50_000, description="Longer programs are prepared on a thread of their own, so that short ones do not wait."
    )


class LexerLimits(Frozen):
    """Memory for lexed programs (`labs_schema.source.lexer`)."""

    cache_bytes: int = Field(
        32_000_000,
        description="Estimated memory for the most recently lexed programs; the least recently used are dropped.",
    )
