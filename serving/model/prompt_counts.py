"""What a model would be asked of a lab, counted with its own tokenizer and wording, without its weights."""

from labs_schema.frozen import Frozen
from labs_schema.models import Lab
from prompts.encode import PromptEncoder
from prompts.hub import check_available
from prompts.manifest import check_manifest
from prompts.style import PromptStyle
from serving.calibration.calibration import read_calibration
from serving.engines.metered_engine import read_tokens
from serving.grading.scoring_requests import make_scoring_request
from serving.model.folder import load_tokenizer, open_model


class PromptCounts(Frozen):
    """Of a lab's first reading. `questions`: prompts, one a criterion and order. `prompt_tokens`: of all of them,
    whole; `read_tokens`: a shared beginning counted once. `refused`: submissions that are empty or too long."""

    submissions: int
    questions: int
    prompt_tokens: int
    read_tokens: int
    refused: int


def count_lab(lab: Lab, model: str, orders: int | None = None) -> PromptCounts:
    """What grading `lab` with the model at the path `model` asks at first; second readings come on top. `orders` of the
    ratings to ask in: by default as many as the model's calibration was made with, else 1.

    Raises ModelError where there is no model, where its calibration cannot be read, or with another tokenizer.
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
    """Encodes every submission of `lab` as a grading would."""
    sheets = [make_scoring_request(lab, submission, encoder, style, orders) for submission in lab.submissions]
    prompts = [r.prompt for sheet in sheets for question in sheet.questions for r in question.requests]
    return PromptCounts(
        submissions=len(sheets),
        questions=len(prompts),
        prompt_tokens=sum(map(len, prompts)),
        read_tokens=read_tokens(prompts),
        refused=sum(bool(sheet.refused) for sheet in sheets),
    )
