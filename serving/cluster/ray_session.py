"""A connection to a Ray cluster, or a local cluster for the time of a run."""

import fcntl
import io
import logging
import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

from labs_schema.errors import GraderError
from serving.engines.engine import EngineDownError

LOCAL = "local"
FOLDER_PREFIX = "grader-ray-"
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DATA_LOG_LEVEL": "CRITICAL",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
"""Defaults: variables that the user has set are not changed."""


def check_address(address: str) -> None:
    """Raises GraderError for an invalid address."""
    if address != LOCAL and not address.startswith("ray://"):
        raise GraderError(
            f"--cluster {address}: expected {LOCAL}, or the address of a Ray cluster: ray://HOST:10001",
            code="bad-cluster-address",
        )


@contextmanager
def ray_session(address: str, workers: int | None) -> Iterator[Any]:
    """Yields the module `ray`, connected to `address`; `local` starts a cluster of `workers` cores on this machine.

    Afterwards disconnects, or shuts the local cluster down and deletes its folder. Hides what Ray prints to standard
    output inside the context, such as other machines' addresses. Raises EngineDownError if the cluster cannot be
    reached, GraderError if Ray is not installed.
    """
    check_address(address)
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise GraderError(
            f"--cluster needs Ray ({error}). Install it: pip install ray==2.60.0 msgpack==1.2.4", code="ray-missing"
        ) from None
    with ExitStack() as opened:
        settings: dict[str, Any] = {"address": address}
        if address == LOCAL:
            folder = opened.enter_context(ray_folder())
            settings = {"num_cpus": workers or os.cpu_count(), "include_dashboard": False, "_temp_dir": folder}
        opened.callback(ray.shutdown)
        try:
            opened.enter_context(warnings.catch_warnings(action="ignore"))  # Ray repeats its warnings in its errors
            ray.init(logging_level=logging.CRITICAL, log_to_driver=False, **settings)
        except (OSError, RuntimeError, ValueError) as error:
            raise EngineDownError(_unreachable(address, error)) from error
        logging.getLogger("ray.data").setLevel(logging.CRITICAL)
        opened.enter_context(redirect_stdout(io.StringIO()))
        yield ray


@contextmanager
def ray_folder() -> Iterator[str]:
    """A new temporary folder for a local cluster, to which Ray spills programs that do not fit in memory; deleted
    afterwards. First deletes the folders of killed runs, which no process has locked."""
    for folder in Path(gettempdir()).glob(f"{FOLDER_PREFIX}*"):
        with suppress(OSError), _locked(folder):
            shutil.rmtree(folder)
    with TemporaryDirectory(prefix=FOLDER_PREFIX, ignore_cleanup_errors=True) as name, _locked(Path(name)):
        yield name


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Raises OSError if another process has locked it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _unreachable(address: str, error: Exception) -> str:
    reason = next((line for line in str(error).splitlines() if len(line) > 1), type(error).__name__).rstrip(".:")
    if address == LOCAL:
        return f"Ray could not start on this machine: {reason}"
    return (
        f"no Ray cluster answers at {address}: {reason}. Start one with `ray start --head` (its client port is 10001); "
        "This machine and the cluster must have the same versions of Ray and Python, RAY_AUTH_MODE and RAY_AUTH_TOKEN."
    )
