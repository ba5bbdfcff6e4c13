"""Whether merged weights answer as base and adapter did: logits compared at every place of several texts.

Knows no files but those that it is given.
"""

from typing import Any

import torch
from torch import Tensor

from labs_schema.errors import ModelError
from prompts.verdict import OPENING

TEXTS = (
    'Is it correct?\nint main(void) {\n    printf("%d\\n", 1 + 1);\n    return 0;\n}\n' + OPENING,
    "Criterion: readable names.\nA) yes\nB) no\ndef mean(values):\n    return sum(values) / len(values)\n" + OPENING,
    "public static void main(String[] args) { for (int i = 0; i < args.length; i++) System.out.println(i); }\n",
    "größe = 0; // ✓ 日本語\t\r\n\x00{}[]<|im_start|>[INST] \u202e",
    "a",
)
TOLERANCE = {"float32": 1e-4, "bfloat16": 0.1}
"""How far the logits of a place may move by merging: the root mean square of the moves over the vocabulary, as a share
of the logits' standard deviation there. In bfloat16 a merged weight is rounded to 8 bits, which an adapter beside it is
not: the tiny base moves by .02, and deeper models by more."""


def logits_of(model: Any, tokenizer: Any) -> list[Tensor]:
    """Of every place of each of `TEXTS`: (N, V), float32."""
    model.eval()
    with torch.no_grad():
        return [model(input_ids=torch.tensor([ids])).logits[0].float() for ids in _ids(tokenizer)]


def check_same(expected: list[Tensor], found: list[Tensor], dtype: str, what: object) -> float:
    """How far the logits moved at the place where they moved most. Raises ModelError where that is more than
    `TOLERANCE[dtype]`, or no number."""
    moves = [(a - b).square().mean(-1).sqrt() / a.std(-1) for a, b in zip(expected, found, strict=True)]
    moved = float(torch.cat(moves).max())
    if not moved <= TOLERANCE[dtype]:
        raise ModelError(
            f"{what}: merging moved the logits of a place by {moved:.2g} of their spread; at most {TOLERANCE[dtype]} "
            "was expected. Try --dtype float32, or serve the adapter unmerged."
        )
    return moved


def _ids(tokenizer: Any) -> list[list[int]]:
    return [ids for text in TEXTS if (ids := tokenizer(text)["input_ids"])]
