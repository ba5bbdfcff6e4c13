"""Loads tokenizers, after one quick check that the model hub or the local cache has the model.

The Hugging Face libraries retry an unreachable hub for minutes. `check_available` fails fast instead, or switches this
process to offline mode when the model is in the cache.
"""

import logging
import os
from pathlib import Path
from typing import Any

from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url, try_to_load_from_cache
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled, RepositoryNotFoundError

from labs_schema.errors import ModelError
from labs_schema.limits import ModelHubLimits


def load_tokenizer(source: str) -> Any:
    """The tokenizer of a model folder or hub id. Raises ModelError if it is missing or unusable."""
    from transformers import AutoTokenizer  # slow to import: 2 s and, with torch, 300 MB

    try:
        return AutoTokenizer.from_pretrained(source, use_fast=True)
    except (OSError, ValueError, KeyError, ImportError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ModelError(f"{source}: the tokenizer cannot be loaded: {reason}", code="bad-tokenizer") from error


def check_available(source: str) -> None:
    """Checks once that model `source` can be loaded: from a folder, the hub, or the cache if the hub is unreachable.

    Raises ModelError if it is in none of them, or if `source` is not a valid model name. Other HTTP errors (rate limit,
    server error) are left to the download, which retries.
    """
    if Path(source).is_dir():
        return
    try:
        cached = try_to_load_from_cache(source, "config.json")
    except HFValidationError as error:
        raise ModelError(
            f"{source}: not a folder, and not a valid model name on a hub: {error}", code="model-not-found"
        ) from error
    if (reason := _unavailable(source)) is None:
        return
    if isinstance(cached, str):
        logging.getLogger(__name__).warning("%s is loaded from the cache: %s", source, reason)
        constants.HF_HUB_OFFLINE = True  # saves every later library call the same timeout
        return
    raise ModelError(
        f"{source}: not a folder, not in the cache {constants.HF_HUB_CACHE}, and {reason}. Pass a model folder with "
        "--model, use smollm2-135m (grader model pull smollm2-135m), set HF_HOME to a cache that has the model, or "
        "retry with a network connection (HF_ENDPOINT sets a mirror, HF_HUB_ETAG_TIMEOUT=30 waits longer for a slow "
        "one).",
        code="model-not-found",
    )


def in_hub_cache(source: str) -> bool:
    """Whether the local cache of the hub has weights of model `source`."""
    config = try_to_load_from_cache(source, "config.json")
    return isinstance(config, str) and any(Path(config).parent.glob("*.safetensors"))


def _unavailable(source: str) -> str | None:
    """Why the hub cannot provide `source`; None if it may."""
    hub = constants.ENDPOINT
    timeout = float(os.environ.get("HF_HUB_ETAG_TIMEOUT") or ModelHubLimits().response_seconds)
    try:
        get_hf_file_metadata(hf_hub_url(source, "config.json"), timeout=timeout)
    except OfflineModeIsEnabled:
        return "the hub was not contacted: HF_HUB_OFFLINE is set, or the hub did not respond earlier"
    except RepositoryNotFoundError:
        page = f"check {hub}/{source} for the exact name and a licence to accept"
        return f"{hub} denies access to it ({page}, then log in with `hf auth login`)"
    except HfHubHTTPError:
        return None
    except Exception as error:  # httpx or httpx2, depending on the huggingface_hub release
        return f"{hub} did not respond within {timeout:g} s ({error or type(error).__name__})"
    return None
