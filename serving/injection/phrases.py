"""What is told by its form and not by its words: a prompt's structure, a model's verdict, a score. Knows no rules.

Greshake et al., "Not what you've signed up for" (2023), and Perez and Ribeiro, "Ignore Previous Prompt" (2022): an
attack often imitates the form of what stands around the text it is in.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from prompts.quoting import STRUCTURE

_FORMS = (
    # what it imitates, its weight where it is said, its weight where the program prints it
    ("structure", 1.0, 1.0, r"<[|\uff5c][\w ]{1,40}[|\uff5c]>|\[/?INST\]|<</?SYS>>|</?(?i:student-(?:code|file))"),
    (
        "structure",
        1.0,
        1.0,
        r"<(?:start|end)_of_turn>|\[/?SYSTEM(?:_PROMPT)?\]|</?(?i:system|assistant|grader|rubric)>",
    ),
    ("structure", 0.7, 0.5, r"#{2,4} ?(?i:instruction|response|system|assistant|grading|rubric|new task)\b"),
    ("structure", 0.5, 0.2, r"(?im:^)\W{0,6}(?i:system|assistant|user|human|developer)(?i: prompt| message)?\s?:"),
    ("structure", 0.6, 0.6, r"(?i)\b(?:end|begin(?:ning)?|start) of (?:the )?(?:student|submission|user|untrusted)\b"),
    ("verdict", 1.0, 1.0, r"(?i:\\*[\"']answer\\*[\"']\s{0,3}:\s{0,3}\\*[\"'])[A-Z]\\*[\"']"),
    (
        "verdict",
        0.8,
        0.7,
        r"(?i)\{\s{0,5}\\*[\"']?(?:rating|grade|score|verdict|marks?|points|answer)\\*[\"']?\s{0,3}[:=]",
    ),
    (
        "verdict",
        0.6,
        0.2,
        r"(?i)\b(?:rating|grade|score|verdict|marks|points|result|nota|note|punkte)\b\W{0,4}(?:is\b|given|awarded)?\W{0,4}"
        r"(?:\bA\b\+?(?! \w)|full\b|pass(?:ed)?\b|excellent|perfect|max(?:imum)?\b|top\b|correct\b|100\b)",
    ),
    (
        "verdict",
        0.5,
        0.4,
        r"(?i)\b(?:assessed|rated|graded|marked|scored|counts?|classified|judged|put it|belongs?) (?:as|under|at)\b",
    ),
    ("verdict", 0.5, 0.3, r"(?i)\bcriteri(?:on|um) ?\d{1,2}\s?:"),
    ("structure", 0.6, 0.6, r"\brubric_(?:ratings|comments)\b|\brubrics?\.json\b|\bratings\.csv\b"),
    ("structure", 0.6, 0.6, r"(?i)\b(?:submission|student'?s? (?:code|work|program)) ends\b"),
    ("score", 0.5, 0.2, r"(?<![\d/.])(\d{1,3}) ?(?:/|out of|of|von|de|sur) ?\1(?![\d/.])"),
    (
        "order",
        0.7,
        0.5,
        r"(?i)\bas an? (?:ai|llm|language model)\b|\bif you are an? (?:ai|llm|language model|model|bot)\b",
    ),
    ("order", 0.6, 0.3, r"(?i)\b(?:you are now|from now on|new instructions?|system prompt|system override)\b"),
)
_COMPILED = tuple((intent, said, printed, re.compile(form)) for intent, said, printed, form in _FORMS)


class Form(NamedTuple):
    offset: int
    intent: str
    weight: float


def forms(text: str, printed: bool) -> Iterator[Form]:
    """Every form that `text` imitates, in no order. `printed`: it is a string of the program, not a remark."""
    for intent, said, in_string, pattern in _COMPILED:
        weight = in_string if printed else said
        yield from (Form(match.start(), intent, weight) for match in pattern.finditer(text))
    yield from (Form(match.start(), "structure", 0.5) for match in STRUCTURE.finditer(text))
