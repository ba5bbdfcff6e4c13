"""Gathers faults while a lab is read, so that all of them are shown at once. Knows no file format."""

from collections import Counter

from labs_schema.errors import Fault, Severity

KEPT_OF_ONE_CODE = 100


class FaultCollector:
    """Faults in the order found. Of one code the first 100 are kept and the rest counted, so memory stays bounded.

    `root` (a lab's folder name) is put before every path.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._kept: list[Fault] = []
        self._seen: Counter[tuple[str, Severity]] = Counter()

    def error(self, code: str, path: str, *, found: str, expected: str, hint: str, line: int | None = None) -> None:
        """Something that stops the lab from being used."""
        self._add(Severity.ERROR, code, path, found, expected, hint, line)

    def warning(self, code: str, path: str, *, found: str, expected: str, hint: str, line: int | None = None) -> None:
        """Something its owner should know, the lab can be used as stated in `mend`."""
        self._add(Severity.WARNING, code, path, found, expected, hint, line)

    def _add(
        self, severity: Severity, code: str, path: str, found: str, expected: str, hint: str, line: int | None
    ) -> None:
        self._seen[code, severity] += 1
        if self._seen[code, severity] <= KEPT_OF_ONE_CODE:
            where = f"{self._root}/{path}" if path else self._root
            self._kept.append(
                Fault(code=code, severity=severity, path=where, found=found, expected=expected, hint=hint, line=line)
            )

    @property
    def failed(self) -> bool:
        return any(severity is Severity.ERROR for _, severity in self._seen)

    def faults(self) -> tuple[Fault, ...]:
        """Errors first, each severity in the order found, with one closing entry for a code that has more than 100."""
        more = [
            Fault(
                code=code,
                severity=severity,
                path=self._root,
                found=f"{count - KEPT_OF_ONE_CODE} more of these",
                expected="none",
                hint="Mend those listed first, then check again.",
            )
            for (code, severity), count in self._seen.items()
            if count > KEPT_OF_ONE_CODE
        ]
        return tuple(sorted([*self._kept, *more], key=lambda fault: fault.severity is not Severity.ERROR))


def excerpt(text: str, most: int = 40) -> str:
    """A short piece of what a user wrote, quoted, with control characters escaped so that no terminal obeys them."""
    shown = ascii(text[:most])
    return f"{shown}..." if len(text) > most else shown


def listing(names: list[str], most: int = 5) -> str:
    """The first few names and how many more there are."""
    shown = ", ".join(excerpt(name) for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
