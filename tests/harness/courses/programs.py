"""Submissions of a few files, and the tools that run them."""

from labs_schema.models import SourceFile, Submission


def submission(**files: str) -> Submission:
    """A submission whose file `main_c` is called `main.c`."""
    named = {name.replace("_", ".", 1): text for name, text in files.items()}
    return Submission(
        student="s1", folder="s1@c", files=tuple(SourceFile(path=path, text=named[path]) for path in sorted(named))
    )
