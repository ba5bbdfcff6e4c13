"""Attacks produce no special token and no prompt delimiter with any family of tokenizers."""

from collections.abc import Callable
from typing import Any

import pytest

from labs_schema.models import Lab
from prompts.attacks.attack import target_rating
from prompts.attacks.evaluation import evaluation_attacks
from prompts.attacks.training import TRAINING_ATTACKS
from prompts.encode import PromptEncoder
from prompts.messages import build_prompts
from prompts.style import CODE_BEGIN, CODE_END, PromptStyle


@pytest.mark.parametrize("kind", ["byte_tokenizer", "chatml_tokenizer", "llama_tokenizer", "mistral_tokenizer"])
@pytest.mark.parametrize("template", ["full", "compact"])
def test_attacked_prompts_have_the_special_tokens_of_clean_ones(
    kind: str, template: Any, make_lab: Callable[..., Lab], request: pytest.FixtureRequest
) -> None:
    tokenizer = request.getfixturevalue(kind)
    encoder = PromptEncoder(tokenizer, context_length=100_000)
    added = set(tokenizer.added_tokens_decoder) - {tokenizer.unk_token_id}
    lab = make_lab(students=1)
    style = PromptStyle(template=template, system="Be fair.")

    def special(work: Any) -> list[list[int]]:
        encoded = encoder.encode(build_prompts(lab, work, style))
        return [[i for i in encoded.shared + own if i in added] for own in encoded.criteria]

    clean = special(lab.submissions[0])
    for attack in (*evaluation_attacks(), *TRAINING_ATTACKS):
        assert special(attack(lab.submissions[0], lab.language, target_rating(lab.criteria))) == clean, attack.name


def test_attacks_add_no_delimiters(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab(students=1)
    for attack in (*evaluation_attacks(), *TRAINING_ATTACKS):
        work = attack(lab.submissions[0], lab.language, target_rating(lab.criteria))
        for template in ("full", "compact"):
            shared = build_prompts(lab, work, PromptStyle(template=template))[0].shared
            assert (shared.count(CODE_BEGIN), shared.count(CODE_END)) == (1, 1), attack.name
            tags = shared.count("<student-file") + shared.count("</student-file")
            assert tags == (2 * len(work.files) if template == "full" else 0), attack.name
