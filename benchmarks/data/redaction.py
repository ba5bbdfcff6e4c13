"""Measures false positives of redaction on real labs.

Run: python -m benchmarks.data.redaction FOLDER_OF_LABS

The rosters are invented, so every redacted word is a false positive (namesakes apart). One roster has common names, the
other names that are words of English or of programs. Code outside comments and `#if 0` must stay the same.

Time: minutes. Figures: docs/measurements/redaction.md.
"""

import argparse
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from labs_schema.models import Lab, Person, SourceFile
from labs_schema.privacy.name_matching import NameMatcher
from labs_schema.privacy.redaction import prose_ranges, redacted_files, with_redactions
from labs_schema.reading.validate import lab_folders, load_lab
from labs_schema.source.lexer import lex

FIRST = """
Mario Anna Max Min Will Mark Long Wei Juan Maria Sofia Luca Pedro Rita Tomas Rui Jan Eva Leo Ada
"""
COMMON = """
Smith Johnson Williams Jones Garcia Miller Davis Rodriguez Martinez Hernandez Lopez Gonzalez Wilson Anderson Thomas
Moore Jackson Martin Lee Perez Thompson Harris Sanchez Clark Ramirez Lewis Robinson Walker Rossi Russo Ferrari
Esposito Bianchi Romano Colombo Ricci Marino Greco Silva Santos Ferreira Pereira Oliveira Costa Rodrigues Martins
Jesus Sousa Fernandes Goncalves Gomes Lopes Marques Alves Almeida Ribeiro Pinto Carvalho Campos Nunes Dias Reis Mendes
Soares Schmidt Schneider Fischer Weber Meyer Wagner Becker Wang Zhang Chen Yang Huang Zhao Kumar Singh Sharma Patel
Nguyen Tran
"""
WORDS = """
Case Long List Stack Queue Max Min Short Char Field Price Page Cook Bond Young King Small Little Best Power Read Word
Line Block Branch Wood Stone Rule Loop Case String Double Sort Swap Main Int Float Void Number Sum Value Key Link Root
Tree Heap Hash Code Bug Test Right Left Down Street Day Week Summer Rich Strong Noble Reader Law Lane Banks Bell Ford
"""
Roster = Sequence[Person]


def roster(surnames: Sequence[str]) -> list[Person]:
    """Every surname with two first names each, and university ids."""
    first = FIRST.split()
    return [
        Person(ids=(f"u{2_000_000 + 10 * i + k}",), first=first[(i + 7 * k) % len(first)], last=last)
        for i, last in enumerate(surnames)
        for k in (0, 1)
    ]


def code(file: SourceFile, language: str) -> list[str]:
    """The program without the ranges that redaction searches."""
    pieces, end = [], 0
    for prose in prose_ranges(file, language):
        pieces.append(file.text[end : prose.start])
        end = prose.end
    return [*pieces, file.text[end:]]


def measure(labs: Sequence[Lab], people: Roster, name: str) -> None:
    names, hit, changed = NameMatcher(people), Counter[str](), 0
    parts = {part.lower() for person in people for part in (person.first, person.last)}
    comments = programs = name_parts = dropped = 0
    for lab in labs:
        for submission in lab.submissions:
            work = with_redactions(submission.model_copy(update={"redactions": ()}), lab.language, names)
            programs += 1
            for file, shown in zip(work.files, redacted_files(work, lab.language), strict=True):
                changed += code(file, lab.language) != code(shown, lab.language)
                comments += sum(span.kind in ("comment", "docstring") for span in lex(file.text, lab.language))
                dropped += len(list(names.find(file.text)))
                for prose in prose_ranges(file, lab.language):
                    text = file.text[prose.start : prose.end]
                    name_parts += sum(word.lower() in parts for word in re.findall(r"\w+", text))
                    hit.update(text[match.start : match.end] for match in names.find(text, path=prose.path))
    Console(highlight=False, soft_wrap=True).print(
        f"{name}: {len(people)} people, {programs} programs, {comments} comments: {hit.total()} false positives"
    )
    Console(highlight=False, soft_wrap=True).print(
        f"  {dict(hit.most_common(12))}; code changed in {changed} files; "
        f"matching single name parts would give {name_parts}; "
        f"searching the entire programs would give {dropped}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labs", type=Path)
    labs = [load_lab(folder) for folder in lab_folders(parser.parse_args().labs)]
    measure(labs, roster(COMMON.split()), "names in common use")
    measure(labs, roster(WORDS.split()), "names that are words")


if __name__ == "__main__":
    main()
