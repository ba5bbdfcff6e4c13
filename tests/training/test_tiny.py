"""What is said of the tiny base is so."""

import re

from training.tiny import ENTRIES, tiny_llama


class FullTokenizer:
    bos_token_id, eos_token_id, pad_token_id = range(3)

    def __len__(self) -> int:
        return ENTRIES


def test_the_help_says_how_many_weights_the_tiny_base_has_at_most() -> None:
    from grader.cli.init_model import init_model

    most = tiny_llama(FullTokenizer()).num_parameters()
    words = re.sub(r"\s+", " ", init_model.__doc__ or "")
    assert (
        f"at most {most / 1e6:.2f} million weights (fewer where the texts give fewer than {ENTRIES:,} tokens)" in words
    )
