"""The tiny base model: a Llama of at most 0.87 million weights, trained from scratch on a dataset's training programs.

It lets the complete pipeline run and be tested offline. It never saw other programs, so it cannot grade labs that it
was not fine-tuned on. Ratings are not used.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.progress import Progress
from transformers import LlamaConfig, LlamaForCausalLM

from labs_schema.errors import ModelError
from prompts.encode import PromptEncoder
from prompts.messages import Prompt
from training.dataset.manifest import DatasetManifest
from training.dataset.row_formats import PairRow
from training.tiny.renaming import rename_in_prompt
from training.tiny.tokenizer import train_tokenizer
from training.trainers.dropout import residual_dropout
from training.trainers.optimizers import MuonWithAdamW

CONTEXT = 2048
ENTRIES = 2048
WINDOW = 512
WINDOWS_PER_STEP = 8
RENAMED = 0.6
DROPOUT = 0.2


def init_model(rows: Iterable[PairRow], out: Path, *, steps: int, seed: int, progress: Progress) -> int:
    """Trains tokenizer and model on the prompts of `rows` and saves both in `out`. Returns the number of weights.

    The same rows, steps and seed give the same model on the same machine. Raises ModelError if `out` is not
    empty or there are no rows.
    """
    if out.exists() and any(out.iterdir()):
        raise ModelError(f"{out}: not empty. Remove it or choose another --out.")
    prompts = prompts_of(rows)
    if not prompts:
        raise ModelError("The dataset has no training rows to learn from.")
    texts = sorted(
        {text for each in prompts for text in (each[0].system, each[0].shared, *(p.criterion for p in each))}
    )
    tokenizer = train_tokenizer(texts, entries=ENTRIES, context_length=CONTEXT)
    torch.manual_seed(seed)
    model = tiny_llama(tokenizer)
    learn_language(model, tokenizer, prompts, steps=steps, seed=seed, progress=progress)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    return int(model.num_parameters())


def too_hard(data: DatasetManifest) -> str:
    """A warning about a dataset that a model of this size cannot learn from, or an empty string."""
    found = ["the full prompt"] if data.style.template == "full" else []
    found += ["shuffled options"] if data.option_order == "shuffled" else []
    if not found:
        return ""
    return (
        f"built with {' and '.join(found)}: a model this small cannot learn from that. "
        "Rebuild it: grader build-dataset --parent-dir labs --prompt compact --option-order given"
    )


def prompts_of(rows: Iterable[PairRow]) -> list[list[Prompt]]:
    """The prompts of each submission, one per criterion, without verdicts, in the order of the rows."""
    found: dict[tuple[str, str], dict[str, Prompt]] = {}
    for row in rows:
        shared, criterion = row.prompt[: row.shared_chars], row.prompt[row.shared_chars :]
        prompt = Prompt(system=row.system, shared=shared, criterion=criterion, options=row.options)
        found.setdefault((row.lab, row.submission), {})[row.criterion] = prompt
    return [list(criteria.values()) for criteria in found.values()]


def tiny_llama(tokenizer: Any) -> Any:
    """An untrained Llama: width 128, 3 layers, 4 heads, feed-forward 352, tied embeddings."""
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=352,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return LlamaForCausalLM(config)


def learn_language(
    model: Any, tokenizer: Any, prompts: Sequence[Sequence[Prompt]], *, steps: int, seed: int, progress: Progress
) -> None:
    """Next-token prediction on windows of `WINDOW` tokens, `WINDOWS_PER_STEP` per step."""
    optimizer = MuonWithAdamW(model, lr=4e-3, adamw_lr=2e-3, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: flat_then_linear(step, steps))
    batches = _windows(tokenizer, prompts, random.Random(seed))
    task = progress.add_task("language modelling", total=steps, figures="")
    model.train()
    with residual_dropout(model, DROPOUT):
        for _ in range(steps):
            batch = torch.tensor([next(batches) for _ in range(WINDOWS_PER_STEP)])
            loss = model(input_ids=batch, labels=batch).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            progress.update(task, advance=1, figures=f"loss {loss.item():.3f}")


def flat_then_linear(step: int, steps: int) -> float:
    """Learning rate factor: warm-up over the first 5 %, constant up to 30 %, then linear to .02."""
    done = (step + 1) / steps
    if done < 0.05:
        return done / 0.05
    return 1.0 if done < 0.3 else 0.02 + 0.98 * (1 - done) / 0.7


def _windows(tokenizer: Any, prompts: Sequence[Sequence[Prompt]], chance: random.Random) -> Iterator[list[int]]:
    """An endless stream of prompts in windows of `WINDOW` tokens; the share `RENAMED` has renamed identifiers."""
    encoder = PromptEncoder(tokenizer, context_length=CONTEXT, on_overlong="middle")
    stream: list[int] = []
    while True:
        for submission in chance.sample(prompts, len(prompts)):
            prompt = chance.choice(submission)
            if chance.random() < RENAMED:
                prompt = prompt.model_copy(update={"shared": rename_in_prompt(prompt.shared, chance)})
            encoded = encoder.encode([prompt])
            stream += [*encoded.shared, *encoded.criteria[0], tokenizer.eos_token_id]
            while len(stream) >= WINDOW:
                yield stream[:WINDOW]
                del stream[:WINDOW]
