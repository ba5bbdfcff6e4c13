"""Collects the files of a submission that are not read, and reports them once for each kind."""

from labs_schema.errors import IssueCollector, quoted_list
from labs_schema.submissions.ignored import Ignored

SHOWN = 3
LIKELY_PROGRAMS = frozenset({"archive-inside", "bad-notebook"})
"""Codes of files that probably are part of the program."""

CODES = ("archive-inside", "binary", "bad-notebook", "other-file", "litter")
"""The code that most likely hides a program comes first."""


class SkippedFiles:
    """`where` is the path of the submission in issues."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._paths: dict[tuple[str, str], dict[str, None]] = {}

    def add(self, code: str, kind: str, path: str) -> None:
        """`code` is that of the warning; `kind` describes the file."""
        self._paths.setdefault((code, kind), {})[path] = None

    def ignore(self, ignored: Ignored) -> None:
        self.add("litter", ignored.kind, ignored.part)

    def report(self, issues: IssueCollector) -> None:
        for (code, kind), paths in self._paths.items():
            names = list(paths)
            where = f"{self._where}/{names[0].rstrip('/')}" if len(names) == 1 else self._where
            found = kind if len(names) == 1 else f"{kind}: {quoted_list(names, SHOWN)}"
            issues.warning(code, where, found=found)

    @property
    def unread(self) -> frozenset[str]:
        """The codes of skipped files that are probably part of the program."""
        return frozenset(code for code, _ in self._paths) & LIKELY_PROGRAMS

    def summary(self) -> str | None:
        """The first files of the kind that most likely contains the program: `'main.pdf' (a PDF document)`."""
        for code in CODES:
            for (of, kind), paths in self._paths.items():
                if of == code:
                    return f"{quoted_list(list(paths), SHOWN)} ({kind})"
        return None
