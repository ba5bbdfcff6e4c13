"""Jobs of `cost.py`: a random model, real and synthetic submissions, and their minimum cost."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from labs_schema.models import Criterion, Lab, Rating, SourceFile, Submission
from labs_schema.reading.validate import lab_folders, load_lab
from prompts.encode import PromptEncoder
from prompts.messages import build_prompts
from prompts.style import PromptStyle

Work = list[tuple[Lab, Submission]]
BLOCK = 32
SHARED, OWN, CRITERIA = 800, 120, 5
STYLE = PromptStyle()


class Shape(NamedTuple):
    """Size of a job: decisions, tokens of all prompts, tokens not found in a cache of complete blocks, and their FLOPs
    (forward pass of Chowdhery et al. 2022, PaLM, appendix B: two per weight and token, and in each layer four per
    channel for every attended token)."""

    decisions: int
    tokens: int
    computed: int
    operations: float

    @property
    def hit_rate(self) -> float:
        return 1 - self.computed / self.tokens


def random_model(folder: Path) -> Path:
    """Saves a Llama of about 60 million random weights, with a tokenizer trained on the sample labs' prompts."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from tests.harness.models.byte_tokenizer import train_tokenizer

    prompts = [
        each
        for lab in map(load_lab, lab_folders(Path("labs")))
        for submission in lab.submissions
        for each in build_prompts(lab, submission, STYLE)
    ]
    texts = sorted({text for each in prompts for text in (each.shared, each.criterion)})
    tokenizer = train_tokenizer(texts, entries=4096, context_length=4096)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=768,
        intermediate_size=2048,
        num_hidden_layers=8,
        num_attention_heads=12,
        max_position_embeddings=4096,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def real_work(labs: Path, count: int) -> Work:
    """`count` submissions, evenly over all labs, without empty and very long ones."""
    every = [
        (lab, submission)
        for lab in map(load_lab, lab_folders(labs))
        for submission in lab.submissions
        if 0 < sum(len(file.text) for file in submission.files) < 6_000
    ]
    return [every[i * len(every) // count] for i in range(count)]


def synthetic_work(model: Path, count: int) -> Work:
    """Synthetic programs and criteria of at least `SHARED` and `OWN` tokens."""
    encoder, chance = encoder_of(model), np.random.default_rng(0)
    words = [f"{a}{b}" for a in ("sum", "next", "list", "value", "index", "print") for b in range(10)]

    def text(n: int) -> str:
        return " ".join(chance.choice(words, n))

    def lab_of(own: int) -> Lab:
        levels = tuple(Rating(title=t, marks=float(m)) for t, m in (("A", 2), ("B", 1), ("C", 0)))
        criteria = [Criterion(title=f"Criterion {i}", description=text(own), ratings=levels) for i in range(CRITERIA)]
        return Lab(
            name="synthetic", problem="Sort.", short_problem="Sort.", language="C", criteria=criteria, submissions=()
        )

    def program(name: str, words: int) -> Submission:
        return Submission(student=name, folder=name, files=(SourceFile(path="a.c", text=text(words)),))

    def lengths(words: int) -> tuple[int, int]:
        lab = lab_of(words)
        encoded = encoder.encode(build_prompts(lab, program("s", words), STYLE))
        return len(encoded.shared), max(map(len, encoded.criteria))

    own = next(n for n in range(5, 200) if lengths(n)[1] >= OWN)
    shared = next(n for n in range(50, 2000, 5) if lengths(n)[0] >= SHARED)
    lab = lab_of(own)
    return [(lab, program(f"s{i}", shared)) for i in range(count)]


def encoder_of(model: Path) -> PromptEncoder:
    from transformers import AutoTokenizer

    return PromptEncoder(AutoTokenizer.from_pretrained(model), context_length=4096)


def prompts_of(model: Path, work: Work) -> list[list[tuple[tuple[int, ...], int]]]:
    """Each submission's prompts as token ids, with the number of options."""
    encoder = encoder_of(model)
    found = []
    for lab, submission in work:
        encoded = encoder.encode(build_prompts(lab, submission, STYLE))
        found.append(
            [(encoded.shared + own, len(c.ratings)) for c, own in zip(lab.criteria, encoded.criteria, strict=True)]
        )
    return found


def criteria_of(work: Work) -> int:
    return sum(len(lab.criteria) for lab, _ in work)


def shape(model: Path, work: Work) -> Shape:
    from transformers import AutoConfig

    config: Any = AutoConfig.from_pretrained(model)
    weights, attention = _weights(model), 4 * config.num_hidden_layers * config.hidden_size
    seen: set[tuple[int, ...]] = set()
    tokens = computed = contexts = 0
    for ids in (ids for submission in prompts_of(model, work) for ids, _ in submission):
        whole = (len(ids) - 1) // BLOCK
        known = BLOCK * next((n for n in range(whole, 0, -1) if ids[: n * BLOCK] in seen), 0)
        seen.update(ids[: n * BLOCK] for n in range(1, len(ids) // BLOCK + 1))
        tokens, computed = tokens + len(ids), computed + len(ids) - known
        contexts += (len(ids) ** 2 - known**2) // 2
    return Shape(criteria_of(work), tokens, computed, 2.0 * weights * computed + attention * contexts)


def _weights(model: Path) -> int:
    """Weights that every token is multiplied with: without embeddings, which are looked up, and without the head."""
    from safetensors import safe_open

    found = 0
    for file in model.glob("*.safetensors"):
        with safe_open(file, framework="pt") as opened:
            for name in opened.keys():  # noqa: SIM118
                size = opened.get_slice(name).get_shape()
                found += int(np.prod(size)) if len(size) == 2 and "embed" not in name and "head" not in name else 0
    return found
