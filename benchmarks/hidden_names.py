"""How many harmless comments of real labs lose a word to a made-up roster: `python benchmarks/hidden_names.py LABS`.

None of the made-up people wrote any of the programs, so every word that is hidden is a mistake, but for the names of
namesakes. Two rosters: names in common use, and names that are words of English or of programs. Code outside of
comments and of `#if 0` is compared byte by byte.
"""

import re
import sys
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
Mario Anna Max Min Will Mark Long Wei Juan Maria Sofia Luca Pedro Ines Tomas Rui Jan Eva Leo Ada
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
    """Every surname with each of two first names; ids as a university gives them."""
    first = FIRST.split()
    return [
        Person(ids=(f"u{2_000_000 + 10 * i + k}",), first=first[(i + 7 * k) % len(first)], last=last)
        for i, last in enumerate(surnames)
        for k in (0, 1)
    ]


def code(file: SourceFile, language: str) -> list[str]:
    """The program without what may be hidden in it."""
    pieces, end = [], 0
    for said in prose_ranges(file, language):
        pieces.append(file.text[end : said.start])
        end = said.end
    return [*pieces, file.text[end:]]


def measure(labs: Sequence[Lab], people: Roster, name: str) -> None:
    names, hit, changed = NameMatcher(people), Counter[str](), 0
    parts = {part.lower() for person in people for part in (person.first, person.last)}
    comments = programs = plainly = dropped = 0
    for lab in labs:
        for submission in lab.submissions:
            work = with_redactions(submission.model_copy(update={"hidden": ()}), lab.language, names)
            programs += 1
            for file, shown in zip(work.files, redacted_files(work, lab.language), strict=True):
                changed += code(file, lab.language) != code(shown, lab.language)
                comments += sum(span.kind in ("comment", "docstring") for span in lex(file.text, lab.language))
                dropped += len(list(names.find(file.text)))
                for said in prose_ranges(file, lab.language):
                    text = file.text[said.start : said.end]
                    plainly += sum(word.lower() in parts for word in re.findall(r"\w+", text))
                    hit.update(text[place.start : place.end] for place in names.find(text, path=said.path))
    Console(highlight=False, soft_wrap=True).print(
        f"{name}: {len(people)} people, {programs} programs, {comments} comments: {hit.total()} words hidden by mistake"
    )
    Console(highlight=False, soft_wrap=True).print(
        f"  {dict(hit.most_common(12))}; code changed in {changed} files; "
        f"every word that is a part of a name would be {plainly}; "
        f"had whole programs stood in #if 0: {dropped} words"
    )


if __name__ == "__main__":
    read = [load_lab(folder) for folder in lab_folders(Path(sys.argv[1]))]
    measure(read, roster(COMMON.split()), "names in common use")
    measure(read, roster(WORDS.split()), "names that are words")
