"""The totals in docs/reference/retries.md follow from the limits."""

from labs_schema.limits import JobLimits, RetryLimits, TransportLimits
from tests.harness.processes.forking import ROOT

RETRIES, JOBS, TRANSPORT = RetryLimits(), JobLimits(), TransportLimits()
REQUESTS_PER_CALL = 2
"""The answers, then the verification pass."""


def call_seconds(servers: int = 1) -> float:
    attempt = TRANSPORT.connect_seconds + TRANSPORT.discovery_seconds + TRANSPORT.request_seconds
    patience = TRANSPORT.patience_seconds + TRANSPORT.longest_retry_wait_seconds
    return REQUESTS_PER_CALL * (patience + servers * attempt)


def longest_seconds(suspects: int) -> float:
    """Until the last of `suspects` in one chunk is graded or parked."""
    attempts = RETRIES.failures + RETRIES.crashes - 1
    batch_and_isolation, failed_answers, before_parking = 1 + JOBS.chunk_submissions, 1, 1
    calls = batch_and_isolation + failed_answers + suspects * (2 * attempts + before_parking)
    pauses = JOBS.dead_seconds + JOBS.poll_seconds + JOBS.longest_pause_seconds
    return calls * call_seconds() + suspects * attempts * pauses


def test_longest_time_to_settle_matches_the_documentation() -> None:
    page = (ROOT / "docs/reference/retries.md").read_text()
    assert f"{call_seconds():.0f} s" in page
    for suspects, unit, seconds in ((1, "hours", 3600), (JOBS.chunk_submissions, "days", 86_400)):
        total = longest_seconds(suspects)
        assert f"**{total:,.0f} s ({total / seconds:.1f} {unit})**" in page


def test_retry_bounds_match_the_documentation() -> None:
    page = (ROOT / "docs/reference/retries.md").read_text()
    for bound in (
        f"{TRANSPORT.patience_seconds:g} s without an answer",
        f"{TRANSPORT.request_seconds:g} s per request",
        f"{RETRIES.failures} errors or {RETRIES.crashes} crashes",
        f"{JOBS.stalled_seconds:g} s, then `failed`",
        f"{RETRIES.failures} times in a block, then {RETRIES.failures} times alone",
        f"{RETRIES.worker_restarts} restarts of a worker",
    ):
        assert bound in page, bound
