"""What a model was trained with, written beside its weights, so that nothing else is ever served with them.

Knows no weights: it compares a tokenizer and a way of writing prompts with those of the training.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from labs_schema.errors import ModelError
from labs_schema.frozen import Frozen
from labs_schema.hashes import canonical_hash
from prompts.chat_template import SYSTEM_SEPARATOR
from prompts.encode import FastTokenizer, OnOverlong
from prompts.quoting import QUOTING_VERSION
from prompts.style import PromptStyle, template_text
from prompts.truncation import GAP_MARKER
from prompts.verdict import LETTERS, OPENING, REASONING

ENCODING_VERSION = 1
"""To be raised when `prompts.encode` makes other ids of the same text."""

FILE = "manifest.json"
WHAT_READS_TEXT = ("model", "added_tokens", "normalizer", "pre_tokenizer")
"""The parts of a tokenizer.json that decide which ids a text becomes. Padding and truncation are set by callers."""


class OtherTrainingError(ModelError):
    """A model beside another tokenizer or wording than its training's; `differing` says which, without a path."""

    def __init__(self, differing: Sequence[str], told: str) -> None:
        self.differing = tuple(differing)
        super().__init__(told)


class ModelManifest(Frozen):
    """Of a run folder, or of merged weights. Hashes are SHA-256 in hexadecimal; `context_length` is in tokens.

    `base_model` names the weights that are served, or that the adapter lies on: a hub id or a path; a relative path,
    like that of `adapter`, starts at the manifest's folder. After SFT of all weights it is that stage's result, `sft`.
    `trained_from` is what the first of the `stages` began with: a hub id, or the name of a folder.
    """

    grader_version: str
    base_model: str
    trained_from: str | None = None
    base_licence: str | None = None
    adapter: str | None = None
    tokenizer_hash: str
    prompt_hash: str
    style: PromptStyle
    context_length: int
    on_overlong: OnOverlong = "error"
    option_order: Literal["given", "shuffled"]
    dataset_hash: str | None = None
    stages: tuple[str, ...] = ()


def tokenizer_hash(tokenizer: FastTokenizer) -> str:
    """Of the vocabulary, the merges, the special tokens and their roles."""
    spec = json.loads(tokenizer.backend_tokenizer.to_str())
    parts = {part: spec.get(part) for part in WHAT_READS_TEXT}
    return canonical_hash(parts | {"bos": tokenizer.bos_token_id, "eos": tokenizer.eos_token_id})


def prompt_hash(style: PromptStyle, tokenizer: FastTokenizer) -> str:
    """Of everything that decides how a lab becomes a prompt, but for the lab and the vocabulary."""
    return canonical_hash(
        {
            "style": style.model_dump(mode="json"),
            "template": template_text(style.template),
            "verdict": [LETTERS, OPENING, REASONING],
            "fixed": [SYSTEM_SEPARATOR, GAP_MARKER],
            "versions": [QUOTING_VERSION, ENCODING_VERSION],
            "chat_template": tokenizer.chat_template,
        }
    )


def write_manifest(manifest: ModelManifest, folder: Path) -> None:
    """As `manifest.json`, whole or not at all."""
    unfinished = folder / f"{FILE}.part"
    unfinished.write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
    unfinished.replace(folder / FILE)


def read_manifest(folder: Path) -> ModelManifest:
    """Raises ModelError where there is none, or where it is not a manifest of this program."""
    path = folder / FILE
    try:
        return ModelManifest.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(
            f"{path} cannot be read ({error}). Name a run folder or merged weights of this program."
        ) from None
    except ValidationError as error:
        issues = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ModelError(f"{path} is not a manifest: {issues}. Train or merge again with this version.") from None


def check_manifest(manifest: ModelManifest, tokenizer: FastTokenizer) -> None:
    """Raises OtherTrainingError that names what differs from the training: the tokenizer, the prompts, or both."""
    found = {
        "tokenizer": (tokenizer_hash(tokenizer), manifest.tokenizer_hash),
        "prompts (templates, style or chat template)": (prompt_hash(manifest.style, tokenizer), manifest.prompt_hash),
    }
    issues = {
        what: f"the {what} differ: found {have[:12]}, expected {want[:12]}"
        for what, (have, want) in found.items()
        if have != want
    }
    if issues:
        raise OtherTrainingError(
            list(issues),
            f"the model was trained with something else: {'; '.join(issues.values())}. "
            "Serve it with the tokenizer and the version of this program that trained it, or train again.",
        )
