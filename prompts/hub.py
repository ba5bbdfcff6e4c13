"""One question to the model hub before anything is taken from it. The libraries would ask a hub that cannot be reached
again and again, for minutes: so who lacks the model is told at once, and who has it in the cache is not kept waiting.
Training and serving ask here. Knows no file but `config.json`."""

import logging
import os
from pathlib import Path

from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url, try_to_load_from_cache
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled, RepositoryNotFoundError

from labs_schema.errors import ModelError

PATIENCE = 5.0
"""Seconds that the hub has for its answer, unless HF_HUB_ETAG_TIMEOUT says otherwise."""


def check_available(source: str) -> None:
    """Asks the hub once for the model `source`; nothing is asked for a folder. Where the hub does not give it and the
    cache has it, this process asks no hub any more.

    Raises ModelError where neither has it, or `source` can be no model's name. An answer of other kinds (busy, moved)
    is left to the download, which tries again.
    """
    if Path(source).is_dir():
        return
    try:
        cached = try_to_load_from_cache(source, "config.json")
    except HFValidationError as error:
        raise ModelError(f"{source}: no such folder, and no name of a model on a hub: {error}") from error
    if (refusal := _refusal(source)) is None:
        return
    if isinstance(cached, str):
        logging.getLogger(__name__).warning("%s is taken from the cache: %s", source, refusal)
        constants.HF_HUB_OFFLINE = True
        return
    raise ModelError(
        f"{source}: no such folder here, no such model in {constants.HF_HUB_CACHE}, and {refusal}. Name a model's "
        "folder with --model (grader init-model makes a tiny one), set HF_HOME to a cache that holds it, or try "
        "again with the network (HF_ENDPOINT names a mirror, HF_HUB_ETAG_TIMEOUT=30 waits longer for a slow one)."
    )


def _refusal(source: str) -> str | None:
    """Why the hub gives no model `source`, None where it may."""
    hub, patience = constants.ENDPOINT, float(os.environ.get("HF_HUB_ETAG_TIMEOUT") or PATIENCE)
    try:
        get_hf_file_metadata(hf_hub_url(source, "config.json"), timeout=patience)
    except OfflineModeIsEnabled:
        return "HF_HUB_OFFLINE is set or the hub gave no answer before, so it was not asked"
    except RepositoryNotFoundError:
        page = f"look at {hub}/{source}: is that its name, is there a licence to accept?"
        return f"{hub} does not give it to you ({page} Then log in with `hf auth login`)"
    except HfHubHTTPError:
        return None
    except Exception as error:  # httpx's or httpx2's, as the release of huggingface_hub has it
        return f"{hub}, asked once for at most {patience:g} s, gave no answer ({error or type(error).__name__})"
    return None
