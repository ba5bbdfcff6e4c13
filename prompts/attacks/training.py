"""The training attacks: five families, with texts that no evaluation attack uses.

The families `obfuscation`, `placement` and `structure` are held out completely. A model tuned on injected examples with
the right answers learns to ignore them (Chen, Piet, Sitawarin and Wagner, StruQ, 2024, arXiv:2402.06363).
"""

from importlib.resources import files

import yaml

from prompts.attacks.attack import Attack
from prompts.attacks.injection_points import comment_at_end, comment_at_top, docstring, string

WORDS: dict[str, list[str]] = yaml.safe_load(files("prompts.attacks").joinpath("training.yaml").read_bytes())
INJECTION_POINTS = (comment_at_top, comment_at_end, docstring, string)

TRAINING_ATTACKS = tuple(
    Attack(
        family=family,
        name=f"train-{family}-{number + 1}",
        words=text,
        injection_point=INJECTION_POINTS[(number + start) % len(INJECTION_POINTS)],
    )
    for start, (family, texts) in enumerate(WORDS.items())
    for number, text in enumerate(texts)
)
