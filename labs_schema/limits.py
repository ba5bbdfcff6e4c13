"""How large a lab's files may be before they are refused. Sizes in bytes. Knows nothing of what is in them."""

from labs_schema.frozen import Frozen


class Limits(Frozen):
    """The caps that keep a hostile or mistaken lab from filling memory or disk.

    `ratio` is how many bytes one compressed byte may become; it counts only once an archive has grown past
    `ratio_from`, because a small file of blanks compresses beyond any ratio without doing harm.
    """

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
    ratio: int = 100
    ratio_from: int = 1_000_000
