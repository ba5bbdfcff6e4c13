"""One question to the model hub before anything is taken from it: who is offline is told at once, and how to mend it,
where the libraries would ask again and again for a minute. Knows no file but `config.json`."""

import os
from pathlib import Path

from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url, try_to_load_from_cache
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled, RepositoryNotFoundError

from labs_schema.errors import ModelError

PATIENCE = 5.0
"""Seconds that the hub has for its answer, unless HF_HUB_ETAG_TIMEOUT says otherwise."""


def check_reachable(source: str) -> None:
    """Asks once whether the hub gives the model `source`; asks nothing for a folder or for what is in the cache.

    Raises ModelError where the hub gives no answer or says no. An answer of other kinds (busy, moved) is left to the
    download, which tries again.
    """
    if Path(source).is_dir() or isinstance(try_to_load_from_cache(source, "config.json"), str):
        return
    hub = constants.ENDPOINT
    patience = float(os.environ.get("HF_HUB_ETAG_TIMEOUT") or PATIENCE)
    try:
        get_hf_file_metadata(hf_hub_url(source, "config.json"), timeout=patience)
    except OfflineModeIsEnabled:
        raise ModelError(_missing(source, "HF_HUB_OFFLINE is set, so no hub was asked")) from None
    except RepositoryNotFoundError:
        told = f"{hub} does not give it to you. Look at {hub}/{source}: is that its name, is there a licence to accept?"
        raise ModelError(f"{source}: {told} Then log in with `hf auth login`.") from None
    except HfHubHTTPError:
        return
    except Exception as error:  # httpx's or httpx2's, as the release of huggingface_hub has it
        told = f"{hub}, asked once for at most {patience:g} s, gave no answer ({error or type(error).__name__})"
        raise ModelError(_missing(source, told)) from error


def _missing(source: str, tried: str) -> str:
    return (
        f"{source}: this model is not in {constants.HF_HUB_CACHE}, and {tried}. Name a model's folder with --model, "
        "set HF_HOME to a cache that holds it, or try again with the network (HF_ENDPOINT names a mirror, "
        "HF_HUB_ETAG_TIMEOUT=30 waits longer for a slow one)."
    )
