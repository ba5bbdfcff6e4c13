"""Counts the prompts and tokens of grading a lab, with the model's tokenizer and prompt style, without its weights."""

from labs_schema.frozen import Frozen
from labs_schema.models import Lab
from prompts.encode import PromptEncoder
from prompts.manifest import check_manifest
from prompts.style import PromptStyle
from prompts.tokenizer import check_available, load_tokenizer
from serving.calibration.calibration import read_calibration
from serving.engines.prefixes import count_uncached_tokens
from serving.grading.scoring_requests import make_scoring_request
from serving.model.folder import open_model


class PromptCounts(Frozen):
    """Counts for a lab, without verification passes. `questions`: prompts, one per criterion and order.
    `prompt_tokens`: all of their tokens; `uncached_tokens`: with each shared prefix counted once. `refused`: empty or
    overlong submissions."""

    submissions: int
    questions: int
    prompt_tokens: int
    uncached_tokens: int
    refused: int


def count_lab(lab: Lab, model: str, orders: int | None = None) -> PromptCounts:
    """Counts for grading `lab` with the model at the path `model`, without verification passes. `orders`: number of
    option orders (default: as many as the model's calibration was made with, otherwise 1).

    Raises ModelError if there is no model, its calibration cannot be read, or its tokenizer is not the manifest's.
    """
    from transformers import AutoConfig

    served = open_model(model, adapters=True)
    check_available(served.tokenizer)
    tokenizer, manifest = load_tokenizer(served.tokenizer), served.manifest
    calibration = read_calibration(served.folder) if served.folder else None
    orders = orders or (calibration.graded_with.orders if calibration else 1)
    if manifest is None:
        length = AutoConfig.from_pretrained(served.weights).max_position_embeddings
        return count_prompts(lab, PromptEncoder(tokenizer, context_length=length), PromptStyle(), orders)
    check_manifest(manifest, tokenizer)
    encoder = PromptEncoder(tokenizer, context_length=manifest.context_length, on_overlong=manifest.on_overlong)
    return count_prompts(lab, encoder, manifest.style, orders)


def count_prompts(lab: Lab, encoder: PromptEncoder, style: PromptStyle, orders: int = 1) -> PromptCounts:
    """Encodes every submission of `lab` as grading would."""
    requests = [make_scoring_request(lab, submission, encoder, style, orders) for submission in lab.submissions]
    prompts = [r.prompt for request in requests for question in request.questions for r in question.requests]
    return PromptCounts(
        submissions=len(requests),
        questions=len(prompts),
        prompt_tokens=sum(map(len, prompts)),
        uncached_tokens=count_uncached_tokens(prompts),
        refused=sum(bool(request.refused) for request in requests),
    )
