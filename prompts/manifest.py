"""The model manifest: tokenizer, prompts and base model of a training run, checked before the model is served."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from labs_schema.errors import ModelError, field_errors
from labs_schema.files.atomic import write_atomically
from labs_schema.frozen import Frozen
from labs_schema.hashes import canonical_hash
from prompts.chat_template import SYSTEM_SEPARATOR, chat_frames
from prompts.encode import FastTokenizer, OnOverlong
from prompts.observed import LAYOUT_VERSION
from prompts.quoting import QUOTING_VERSION
from prompts.style import PromptStyle, template_text
from prompts.truncation import GAP_MARKER
from prompts.verdict import LETTERS, OPENING, REASONING

ENCODING_VERSION = 1
"""Increment when `prompts.encode` produces different ids for the same text."""

FILE = "manifest.json"
HASHED_PARTS = ("model", "added_tokens", "normalizer", "pre_tokenizer")
"""The parts of tokenizer.json that determine the ids of a text. Padding and truncation depend on the caller."""


class OtherTrainingError(ModelError):
    """A model with a different tokenizer or prompts than in training. `differing` names them, without a path."""

    code = "model-differs"

    def __init__(self, differing: Sequence[str], message: str) -> None:
        self.differing = tuple(differing)
        super().__init__(message)


class ModelManifest(Frozen):
    """The manifest of a run folder or of merged weights. Hashes are SHA-256 in hexadecimal.

    `base_model` is the hub id or path of the weights to serve, or of the adapter's base. Relative paths, also that of
    `adapter`, start at the manifest's folder; after full SFT `base_model` is that stage's result, `sft`. `trained_from`
    is the hub id or folder name that the first of the `stages` started from. `context_length` is in tokens. `head` is
    the folder of a head on the base model's hidden states, relative like `adapter`.
    """

    grader_version: str
    base_model: str
    trained_from: str | None = None
    base_licence: str | None = None
    adapter: str | None = None
    head: str | None = None
    tokenizer_hash: str
    prompt_hash: str
    style: PromptStyle
    context_length: int
    on_overlong: OnOverlong = "error"
    option_order: Literal["given", "shuffled"]
    dataset_hash: str | None = None
    stages: tuple[str, ...] = ()


def tokenizer_hash(tokenizer: FastTokenizer) -> str:
    """Hash of the vocabulary, merges, special tokens and their roles."""
    spec = json.loads(tokenizer.backend_tokenizer.to_str())
    parts = {part: spec.get(part) for part in HASHED_PARTS}
    return canonical_hash(parts | {"bos": tokenizer.bos_token_id, "eos": tokenizer.eos_token_id})


def prompt_hash(style: PromptStyle, tokenizer: FastTokenizer) -> str:
    """Hash of everything that determines a prompt besides the lab and the vocabulary.

    It covers the chat template as text and as rendered: the same text may render differently, for example with another
    version of transformers. Raises ModelError if the template cannot be rendered.
    """
    return canonical_hash(
        {
            "style": style.model_dump(mode="json"),
            "template": template_text(style.template),
            "verdict": [LETTERS, OPENING, REASONING],
            "fixed": [SYSTEM_SEPARATOR, GAP_MARKER],
            "versions": [QUOTING_VERSION, ENCODING_VERSION, LAYOUT_VERSION],
            "chat_template": tokenizer.chat_template,
            "chat_frames": chat_frames(tokenizer),
        }
    )


def write_manifest(manifest: ModelManifest, folder: Path) -> None:
    """Writes `manifest.json` atomically."""
    write_atomically(folder / FILE, manifest.model_dump_json(indent=2) + "\n")


def read_manifest(folder: Path) -> ModelManifest:
    """Raises ModelError if the manifest is missing or invalid."""
    path = folder / FILE
    try:
        return ModelManifest.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(
            f"{path} cannot be read ({error}). Pass a run folder or merged weights created by grader.",
            code="bad-model-manifest",
        ) from None
    except ValidationError as error:
        issues = "; ".join(field_errors(error))
        raise ModelError(
            f"{path} is not a valid manifest: {issues}. Train or merge again with this version.",
            code="bad-model-manifest",
        ) from None


def check_manifest(manifest: ModelManifest, tokenizer: FastTokenizer) -> None:
    """Raises OtherTrainingError if the tokenizer or the prompts differ from those of the training."""
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
            f"The model was trained differently: {'; '.join(issues.values())}. "
            "Serve it with the tokenizer and the grader version it was trained with, or train it again.",
        )
