"""Java programs whose files were joined into one: splits them, and adds the course's classes that were left out."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from labs_schema.models import SourceFile, Submission

Classes = dict[str, str]
"""Name of a top-level type -> its file, with imports and comments."""
SHARED_BY = 2
"""A class is the course's own if so many students have the same version of it."""
_HIDDEN = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL)
_TYPE = re.compile(r"\b(?:class|interface|enum)\s+(\w+)")
_IMPORT = re.compile(r"^\s*import\s[^;]+;", re.MULTILINE)
_WORD = re.compile(r"\b[A-Z]\w*")


def split_classes(text: str) -> Classes:
    """The top-level types in `text`. One without imports has those of the type before it."""
    code, start, depth, imports = _without_text(text), 0, 0, ""
    found: Classes = {}
    for end in (place.end() for place in re.finditer("[{}]", code)):
        depth = max(0, depth + (1 if code[end - 1] == "{" else -1))
        if depth == 0:
            part = text[start:end]
            if name := _TYPE.search(code, start, end):
                own = "\n".join(_IMPORT.findall(part))
                found.setdefault(name[1], part if own else f"{imports}\n{part}")
                imports = own or imports
            start = end
    return found


def _without_text(text: str) -> str:
    """`text` with spaces for comments and literals, in the same places."""
    return _HIDDEN.sub(lambda hidden: re.sub(r"[^\n]", " ", hidden[0]), text)


def course_classes(programs: Sequence[Classes]) -> Classes:
    """The most common version of each class that several students have unchanged."""
    versions: dict[str, Counter[str]] = {}
    for program in programs:
        for name, text in program.items():
            versions.setdefault(name, Counter())[text.strip()] += 1
    most = {name: counts.most_common(1)[0] for name, counts in versions.items()}
    return {name: text for name, (text, count) in most.items() if count >= SHARED_BY}


def completed(program: Classes, course: Mapping[str, str]) -> Classes:
    """`program` with the course's classes that it names and does not have, and those that they name."""
    found = dict(program)
    while (
        missing := {word for text in found.values() for word in _WORD.findall(_without_text(text)) if word in course}
        - found.keys()
    ):
        found |= {name: course[name] for name in missing}
    return found


def with_files(submission: Submission, classes: Classes) -> Submission:
    files = tuple(SourceFile(path=f"{name}.java", text=text) for name, text in sorted(classes.items()))
    return submission.model_copy(update={"files": files})
