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
