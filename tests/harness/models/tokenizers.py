"""Tokenizers of the model families of the presets, trained on the fly, with our own chat templates in their formats."""

import json
from typing import Any

CORPUS = [
    "Problem statement: write a program that reads numbers and prints the sum, the mean and the largest of them.",
    "Criterion: is the program correct? Options: A) yes, all tests pass B) some tests fail C) it does not compile",
    'Answer with one JSON object such as {"answer": "A"}, or {"answer": "B", "reasoning": "It fails if it is empty."}',
    "#include <stdio.h>\n#include <stdlib.h>\n\nint main(int argc, char *argv[]) {\n    int n;\n    return 0;\n}\n",
    'for (int i = 0; i < n; i++) {\n        total += values[i];\n    }\n    printf("%d\\n", total);\n',
    "if (x == NULL) {\n        return -1;\n    } else {\n        while (x->next != NULL) x = x->next;\n    }\n",
    "std::vector<int> values;\nfor (const auto &value : values) std::cout << value << std::endl;\n",
    "public static void main(String[] args) {\n    System.out.println(args.length);\n}\n",
    "def mean(values: list[float]) -> float:\n    return sum(values) / len(values)\n",
] * 2

CHATML = """{%- if messages[0].role != 'system' -%}
{{ '<|im_start|>system\\nYou are a friendly machine.<|im_end|>\\n' }}
{%- endif -%}
{%- for m in messages -%}
{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n' }}{%- endif -%}"""

LLAMA = """{%- set ns = namespace(head='') -%}
{%- for m in messages -%}
{%- if m.role == 'system' -%}{%- set ns.head = '<<SYS>>\\n' + m.content + '\\n<</SYS>>\\n\\n' -%}
{%- elif m.role == 'user' -%}{{ bos_token + '[INST] ' + (ns.head + m.content) | trim + ' [/INST]' }}
{%- else -%}{{ ' ' + m.content | trim + ' ' + eos_token }}{%- endif -%}
{%- endfor -%}"""

MISTRAL = """{{- bos_token -}}
{%- for m in messages -%}
{%- if m.role == 'user' -%}{{ '[INST] ' + m.content.strip() + '[/INST]' }}
{%- elif m.role == 'assistant' -%}{{ ' ' + m.content + eos_token }}
{%- else -%}{{ raise_exception('no such role here: ' + m.role) }}{%- endif -%}
{%- endfor -%}"""


def byte_level_bpe(specials: list[str]) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=1024, special_tokens=specials, initial_alphabet=alphabet, show_progress=False
    )
    backend.train_from_iterator(CORPUS, trainer)
    return backend


def sentencepiece_bpe(specials: list[str], *, prepend: bool) -> Any:
    """Llama style: spaces become U+2581, unknown characters become byte pieces, a word start is prepended to the text.

    `prepend`: the normalizer prepends it (files of Llama 2); otherwise the Metaspace pre-tokenizer does (newer files).
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    letters = [chr(i) for i in range(33, 127)]
    learner.train_from_iterator(
        CORPUS, trainers.BpeTrainer(vocab_size=700, initial_alphabet=letters, show_progress=False)
    )
    learned = json.loads(learner.to_str())["model"]
    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{i:02X}>" for i in range(256)), *specials, *learned["vocab"]]
    vocab = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
    merges = [tuple(pair) for pair in learned["merges"]]
    backend = Tokenizer(models.BPE(vocab=vocab, merges=merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    if prepend:
        backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    else:
        backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    backend.decoder = decoders.Sequence(steps)
    backend.add_special_tokens([AddedToken(t, normalized=False) for t in ("<unk>", "<s>", "</s>", *specials)])
    return backend


def sentencepiece_tokenizer(backend: Any, chat_template: str, name: str) -> Any:
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        chat_template=chat_template,
        name_or_path=name,
    )
