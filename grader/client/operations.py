"""One method for every operation of the service, synchronous and asynchronous.

Written by docs/generate.py from the OpenAPI document of the service.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from grader.client.models import (
    DeadMessageList,
    GradeHistory,
    GradeResponse,
    Health,
    Imported,
    JobComparison,
    JobList,
    JobStatus,
    JsonObject,
    LabGradeRequest,
    LabList,
    LabRubric,
    NewWebhook,
    OverrideRecord,
    OverrideRequest,
    RegradeAnswerIn,
    RegradeRequestIn,
    RegradeRequestList,
    RegradeRequestRecord,
    ReplayIn,
    ReplayResult,
    RequestState,
    RubricGradeRequest,
    StudentLinkIn,
    StudentLinkOut,
    WebhookEndpoint,
    WebhookIn,
    WebhookList,
    WebhookSecret,
)
from grader.client.transport import AsyncTransport, Call, SyncTransport


class SyncOperations(SyncTransport):
    def grade_submission(
        self, body: LabGradeRequest | RubricGradeRequest, *, idempotency_key: str | None = None
    ) -> GradeResponse:
        """Grade a submission.

        Every criterion with its rating and the probability of every rating, or the reason why it is ungraded.

        If the lab has checks and the request no observations, an observer runs the checks first, if one is running.
        A submission without any graded criterion is still a 200. A 503 has a Retry-After. The grade is committed to
        the store before the response is sent.
        """
        return self._json(Call("POST", "/grade", body=body, keyed=True, idempotency_key=idempotency_key), GradeResponse)

    def list_labs(self) -> LabList:
        """List the registered labs.

        `warnings` are those of `grader check`, also about submissions and the TAs' tables.
        """
        return self._json(Call("GET", "/labs"), LabList)

    def get_lab(self, lab: str) -> LabRubric:
        """Get a lab's rubric."""
        return self._json(Call("GET", "/labs/{lab}", path={"lab": lab}), LabRubric)

    def import_lab(
        self,
        lab: str,
        body: bytes | Path,
        *,
        platform: str,
        assignment: str | None = None,
        like: str | None = None,
        dry_run: bool = False,
    ) -> Imported:
        """Import an export of a course platform as a new lab.

        Send the zip file as the platform exports it, with Content-Type: application/zip or
        application/octet-stream.

        A roster and the TAs' ratings are read if their CSV files are at the top of the zip file. An existing lab is
        never changed, so that a repeated request is refused.
        """
        return self._json(
            Call(
                "POST",
                "/labs/{lab}/import",
                path={"lab": lab},
                query={"platform": platform, "assignment": assignment, "like": like, "dry_run": dry_run},
                body=body,
            ),
            Imported,
        )

    def get_grade(self, grade_id: str) -> GradeHistory:
        """Get a grade and its history.

        A second marker who has not rated the submission gets 409: neither the model's ratings nor other people's.
        """
        return self._json(Call("GET", "/grades/{grade_id}", path={"grade_id": grade_id}), GradeHistory)

    def override_grade(
        self, grade_id: str, body: OverrideRequest, *, idempotency_key: str | None = None
    ) -> OverrideRecord:
        """Override the rating of a criterion.

        Adds to the grade's history; the machine's rating remains in it.

        The grades of the other members of a group get the same override, unless `applies_to` is `student`.
        """
        return self._json(
            Call(
                "POST",
                "/grades/{grade_id}/overrides",
                path={"grade_id": grade_id},
                body=body,
                keyed=True,
                idempotency_key=idempotency_key,
            ),
            OverrideRecord,
        )

    def submit_regrade_request(
        self, grade_id: str, body: RegradeRequestIn, *, idempotency_key: str | None = None
    ) -> RegradeRequestRecord:
        """Submit a student's regrade request.

        About one criterion of a grade, whose current rating is recorded with it. A criterion has one open request.
        """
        return self._json(
            Call(
                "POST",
                "/grades/{grade_id}/regrade-requests",
                path={"grade_id": grade_id},
                body=body,
                keyed=True,
                idempotency_key=idempotency_key,
            ),
            RegradeRequestRecord,
        )

    def list_regrade_requests(
        self, *, lab: str | None = None, state: RequestState | None = None, after: int = 0, limit: int = 50
    ) -> RegradeRequestList:
        """List regrade requests.

        Without those about submissions that the caller has yet to rate as second marker.
        """
        return self._json(
            Call("GET", "/regrade-requests", query={"lab": lab, "state": state, "after": after, "limit": limit}),
            RegradeRequestList,
        )

    def get_regrade_request(self, regrade_id: str) -> RegradeRequestRecord:
        """Get a regrade request and its answer."""
        return self._json(
            Call("GET", "/regrade-requests/{regrade_id}", path={"regrade_id": regrade_id}), RegradeRequestRecord
        )

    def answer_regrade_request(
        self, regrade_id: str, body: RegradeAnswerIn, *, idempotency_key: str | None = None
    ) -> RegradeRequestRecord:
        """Grant or decline a regrade request.

        A granted request overrides the rating in the same transaction, also for the other members of a group.
        """
        return self._json(
            Call(
                "POST",
                "/regrade-requests/{regrade_id}/answer",
                path={"regrade_id": regrade_id},
                body=body,
                keyed=True,
                idempotency_key=idempotency_key,
            ),
            RegradeRequestRecord,
        )

    def create_student_link(self, grade_id: str, body: StudentLinkIn) -> StudentLinkOut:
        """Create a link to a student's feedback.

        Opens the feedback on this grade only, any number of times until it expires. A repeated request makes
        another.
        """
        return self._json(
            Call("POST", "/grades/{grade_id}/student-links", path={"grade_id": grade_id}, body=body), StudentLinkOut
        )

    def regrade_lab(self, lab: str, *, idempotency_key: str | None = None) -> JobStatus:
        """Regrade a lab.

        Starts a job that grades every submission of the lab again. The job survives a restart of the service.
        """
        return self._json(
            Call("POST", "/labs/{lab}/regrade", path={"lab": lab}, keyed=True, idempotency_key=idempotency_key),
            JobStatus,
        )

    def list_jobs(self, *, limit: int = 50) -> JobList:
        """List the course's jobs."""
        return self._json(Call("GET", "/jobs", query={"limit": limit}), JobList)

    def get_job(self, job_id: str) -> JobStatus:
        """Get a job's progress."""
        return self._json(Call("GET", "/jobs/{job_id}", path={"job_id": job_id}), JobStatus)

    def stream_job_events(self, job_id: str) -> Iterator[JsonObject]:
        """Stream a job's progress.

        The stream ends after 10 minutes; reconnect to continue. It ends at once if the key is revoked.
        """
        return self._events(Call("GET", "/jobs/{job_id}/events", path={"job_id": job_id}))

    def pause_job(self, job_id: str) -> JobStatus:
        """Pause a job.

        Finishes the current chunk of up to 16 submissions; the rest waits.
        """
        return self._json(Call("POST", "/jobs/{job_id}/pause", path={"job_id": job_id}), JobStatus)

    def resume_job(self, job_id: str) -> JobStatus:
        """Resume a job.

        After a pause or a failure, or to retry parked submissions. A cancelled job stays cancelled.
        """
        return self._json(Call("POST", "/jobs/{job_id}/resume", path={"job_id": job_id}), JobStatus)

    def cancel_job(self, job_id: str) -> JobStatus:
        """Cancel a job.

        Its grades remain.
        """
        return self._json(Call("POST", "/jobs/{job_id}/cancel", path={"job_id": job_id}), JobStatus)

    def get_job_grades(self, job_id: str) -> Iterator[JsonObject]:
        """Get a job's grades.

        Students whom no model graded first, with the reason; then the grades so far. Forgotten students are left
        out.

        Every `grade_id` can be overridden, so a person can rate a submission that no model can read. A TA with open
        second markings in the lab gets 409, as for all results of the job.
        """
        return self._lines(Call("GET", "/jobs/{job_id}/grades.jsonl", path={"job_id": job_id}))

    def get_job_ratings(self, job_id: str) -> str:
        """Get a job's ratings as a lab's table."""
        return self._text(Call("GET", "/jobs/{job_id}/rubric_ratings.csv", path={"job_id": job_id}))

    def compare_job(self, job_id: str) -> JobComparison:
        """Compare a job with the TAs' grades and the previous job."""
        return self._json(Call("GET", "/jobs/{job_id}/comparison", path={"job_id": job_id}), JobComparison)

    def list_webhooks(self) -> WebhookList:
        """List webhooks.

        An all-courses key also lists the webhooks of all courses.
        """
        return self._json(Call("GET", "/webhooks"), WebhookList)

    def add_webhook(self, body: WebhookIn) -> NewWebhook:
        """Add a webhook.

        Only events from now on are sent. A repeated request adds another webhook.
        """
        return self._json(Call("POST", "/webhooks", body=body), NewWebhook)

    def rotate_webhook_secret(self, webhook_id: str) -> WebhookSecret:
        """Replace a webhook's secret.

        The old secret signs too for a day.
        """
        return self._json(
            Call("POST", "/webhooks/{webhook_id}/rotate-secret", path={"webhook_id": webhook_id}), WebhookSecret
        )

    def disable_webhook(self, webhook_id: str) -> WebhookEndpoint:
        """Stop sending to a webhook.

        Events during the pause are never sent. Waiting messages are sent once it is enabled.
        """
        return self._json(
            Call("POST", "/webhooks/{webhook_id}/disable", path={"webhook_id": webhook_id}), WebhookEndpoint
        )

    def enable_webhook(self, webhook_id: str) -> WebhookEndpoint:
        """Send to a disabled webhook again.

        Events from now on, and waiting messages, are sent.
        """
        return self._json(
            Call("POST", "/webhooks/{webhook_id}/enable", path={"webhook_id": webhook_id}), WebhookEndpoint
        )

    def list_dead_messages(self, webhook_id: str, *, limit: int = 100) -> DeadMessageList:
        """List messages that were given up.

        Messages that no attempt delivered within about three days, or that a receiver refused for good.
        """
        return self._json(
            Call(
                "GET", "/webhooks/{webhook_id}/dead-messages", path={"webhook_id": webhook_id}, query={"limit": limit}
            ),
            DeadMessageList,
        )

    def replay_dead_messages(self, webhook_id: str, body: ReplayIn) -> ReplayResult:
        """Send dead messages again.

        Under their ids, with a new schedule. Enable a disabled webhook first.
        """
        return self._json(
            Call("POST", "/webhooks/{webhook_id}/replay", path={"webhook_id": webhook_id}, body=body), ReplayResult
        )

    def get_liveness(self) -> Health:
        """Check that the process is alive."""
        return self._json(Call("GET", "/healthz"), Health)

    def get_readiness(self) -> Health:
        """Check that submissions can be graded.

        200 if every loaded model has scored a program and its last call succeeded.

        A model for which this is not so is called now. The store must also be writable, its disk must have free
        space, and running jobs must have a worker.
        """
        return self._json(Call("GET", "/readyz"), Health)


class AsyncOperations(AsyncTransport):
    async def grade_submission(
        self, body: LabGradeRequest | RubricGradeRequest, *, idempotency_key: str | None = None
    ) -> GradeResponse:
        """Grade a submission.

        Every criterion with its rating and the probability of every rating, or the reason why it is ungraded.

        If the lab has checks and the request no observations, an observer runs the checks first, if one is running.
        A submission without any graded criterion is still a 200. A 503 has a Retry-After. The grade is committed to
        the store before the response is sent.
        """
        return await self._json(
            Call("POST", "/grade", body=body, keyed=True, idempotency_key=idempotency_key), GradeResponse
        )

    async def list_labs(self) -> LabList:
        """List the registered labs.

        `warnings` are those of `grader check`, also about submissions and the TAs' tables.
        """
        return await self._json(Call("GET", "/labs"), LabList)

    async def get_lab(self, lab: str) -> LabRubric:
        """Get a lab's rubric."""
        return await self._json(Call("GET", "/labs/{lab}", path={"lab": lab}), LabRubric)

    async def import_lab(
        self,
        lab: str,
        body: bytes | Path,
        *,
        platform: str,
        assignment: str | None = None,
        like: str | None = None,
        dry_run: bool = False,
    ) -> Imported:
        """Import an export of a course platform as a new lab.

        Send the zip file as the platform exports it, with Content-Type: application/zip or
        application/octet-stream.

        A roster and the TAs' ratings are read if their CSV files are at the top of the zip file. An existing lab is
        never changed, so that a repeated request is refused.
        """
        return await self._json(
            Call(
                "POST",
                "/labs/{lab}/import",
                path={"lab": lab},
                query={"platform": platform, "assignment": assignment, "like": like, "dry_run": dry_run},
                body=body,
            ),
            Imported,
        )

    async def get_grade(self, grade_id: str) -> GradeHistory:
        """Get a grade and its history.

        A second marker who has not rated the submission gets 409: neither the model's ratings nor other people's.
        """
        return await self._json(Call("GET", "/grades/{grade_id}", path={"grade_id": grade_id}), GradeHistory)

    async def override_grade(
        self, grade_id: str, body: OverrideRequest, *, idempotency_key: str | None = None
    ) -> OverrideRecord:
        """Override the rating of a criterion.

        Adds to the grade's history; the machine's rating remains in it.

        The grades of the other members of a group get the same override, unless `applies_to` is `student`.
        """
        return await self._json(
            Call(
                "POST",
                "/grades/{grade_id}/overrides",
                path={"grade_id": grade_id},
                body=body,
                keyed=True,
                idempotency_key=idempotency_key,
            ),
            OverrideRecord,
        )

    async def submit_regrade_request(
        self, grade_id: str, body: RegradeRequestIn, *, idempotency_key: str | None = None
    ) -> RegradeRequestRecord:
        """Submit a student's regrade request.

        About one criterion of a grade, whose current rating is recorded with it. A criterion has one open request.
        """
        return await self._json(
            Call(
                "POST",
                "/grades/{grade_id}/regrade-requests",
                path={"grade_id": grade_id},
                body=body,
                keyed=True,
                idempotency_key=idempotency_key,
            ),
            RegradeRequestRecord,
        )

    async def list_regrade_requests(
        self, *, lab: str | None = None, state: RequestState | None = None, after: int = 0, limit: int = 50
    ) -> RegradeRequestList:
        """List regrade requests.

        Without those about submissions that the caller has yet to rate as second marker.
        """
        return await self._json(
            Call("GET", "/regrade-requests", query={"lab": lab, "state": state, "after": after, "limit": limit}),
            RegradeRequestList,
        )

    async def get_regrade_request(self, regrade_id: str) -> RegradeRequestRecord:
        """Get a regrade request and its answer."""
        return await self._json(
            Call("GET", "/regrade-requests/{regrade_id}", path={"regrade_id": regrade_id}), RegradeRequestRecord
        )

    async def answer_regrade_request(
        self, regrade_id: str, body: RegradeAnswerIn, *, idempotency_key: str | None = None
    ) -> RegradeRequestRecord:
        """Grant or decline a regrade request.

        A granted request overrides the rating in the same transaction, also for the other members of a group.
        """
        return await self._json(
            Call(
                "POST",
                "/regrade-requests/{regrade_id}/answer",
                path={"regrade_id": regrade_id},
                body=body,
                keyed=True,
                idempotency_key=idempotency_key,
            ),
            RegradeRequestRecord,
        )

    async def create_student_link(self, grade_id: str, body: StudentLinkIn) -> StudentLinkOut:
        """Create a link to a student's feedback.

        Opens the feedback on this grade only, any number of times until it expires. A repeated request makes
        another.
        """
        return await self._json(
            Call("POST", "/grades/{grade_id}/student-links", path={"grade_id": grade_id}, body=body), StudentLinkOut
        )

    async def regrade_lab(self, lab: str, *, idempotency_key: str | None = None) -> JobStatus:
        """Regrade a lab.

        Starts a job that grades every submission of the lab again. The job survives a restart of the service.
        """
        return await self._json(
            Call("POST", "/labs/{lab}/regrade", path={"lab": lab}, keyed=True, idempotency_key=idempotency_key),
            JobStatus,
        )

    async def list_jobs(self, *, limit: int = 50) -> JobList:
        """List the course's jobs."""
        return await self._json(Call("GET", "/jobs", query={"limit": limit}), JobList)

    async def get_job(self, job_id: str) -> JobStatus:
        """Get a job's progress."""
        return await self._json(Call("GET", "/jobs/{job_id}", path={"job_id": job_id}), JobStatus)

    def stream_job_events(self, job_id: str) -> AsyncIterator[JsonObject]:
        """Stream a job's progress.

        The stream ends after 10 minutes; reconnect to continue. It ends at once if the key is revoked.
        """
        return self._events(Call("GET", "/jobs/{job_id}/events", path={"job_id": job_id}))

    async def pause_job(self, job_id: str) -> JobStatus:
        """Pause a job.

        Finishes the current chunk of up to 16 submissions; the rest waits.
        """
        return await self._json(Call("POST", "/jobs/{job_id}/pause", path={"job_id": job_id}), JobStatus)

    async def resume_job(self, job_id: str) -> JobStatus:
        """Resume a job.

        After a pause or a failure, or to retry parked submissions. A cancelled job stays cancelled.
        """
        return await self._json(Call("POST", "/jobs/{job_id}/resume", path={"job_id": job_id}), JobStatus)

    async def cancel_job(self, job_id: str) -> JobStatus:
        """Cancel a job.

        Its grades remain.
        """
        return await self._json(Call("POST", "/jobs/{job_id}/cancel", path={"job_id": job_id}), JobStatus)

    def get_job_grades(self, job_id: str) -> AsyncIterator[JsonObject]:
        """Get a job's grades.

        Students whom no model graded first, with the reason; then the grades so far. Forgotten students are left
        out.

        Every `grade_id` can be overridden, so a person can rate a submission that no model can read. A TA with open
        second markings in the lab gets 409, as for all results of the job.
        """
        return self._lines(Call("GET", "/jobs/{job_id}/grades.jsonl", path={"job_id": job_id}))

    async def get_job_ratings(self, job_id: str) -> str:
        """Get a job's ratings as a lab's table."""
        return await self._text(Call("GET", "/jobs/{job_id}/rubric_ratings.csv", path={"job_id": job_id}))

    async def compare_job(self, job_id: str) -> JobComparison:
        """Compare a job with the TAs' grades and the previous job."""
        return await self._json(Call("GET", "/jobs/{job_id}/comparison", path={"job_id": job_id}), JobComparison)

    async def list_webhooks(self) -> WebhookList:
        """List webhooks.

        An all-courses key also lists the webhooks of all courses.
        """
        return await self._json(Call("GET", "/webhooks"), WebhookList)

    async def add_webhook(self, body: WebhookIn) -> NewWebhook:
        """Add a webhook.

        Only events from now on are sent. A repeated request adds another webhook.
        """
        return await self._json(Call("POST", "/webhooks", body=body), NewWebhook)

    async def rotate_webhook_secret(self, webhook_id: str) -> WebhookSecret:
        """Replace a webhook's secret.

        The old secret signs too for a day.
        """
        return await self._json(
            Call("POST", "/webhooks/{webhook_id}/rotate-secret", path={"webhook_id": webhook_id}), WebhookSecret
        )

    async def disable_webhook(self, webhook_id: str) -> WebhookEndpoint:
        """Stop sending to a webhook.

        Events during the pause are never sent. Waiting messages are sent once it is enabled.
        """
        return await self._json(
            Call("POST", "/webhooks/{webhook_id}/disable", path={"webhook_id": webhook_id}), WebhookEndpoint
        )

    async def enable_webhook(self, webhook_id: str) -> WebhookEndpoint:
        """Send to a disabled webhook again.

        Events from now on, and waiting messages, are sent.
        """
        return await self._json(
            Call("POST", "/webhooks/{webhook_id}/enable", path={"webhook_id": webhook_id}), WebhookEndpoint
        )

    async def list_dead_messages(self, webhook_id: str, *, limit: int = 100) -> DeadMessageList:
        """List messages that were given up.

        Messages that no attempt delivered within about three days, or that a receiver refused for good.
        """
        return await self._json(
            Call(
                "GET", "/webhooks/{webhook_id}/dead-messages", path={"webhook_id": webhook_id}, query={"limit": limit}
            ),
            DeadMessageList,
        )

    async def replay_dead_messages(self, webhook_id: str, body: ReplayIn) -> ReplayResult:
        """Send dead messages again.

        Under their ids, with a new schedule. Enable a disabled webhook first.
        """
        return await self._json(
            Call("POST", "/webhooks/{webhook_id}/replay", path={"webhook_id": webhook_id}, body=body), ReplayResult
        )

    async def get_liveness(self) -> Health:
        """Check that the process is alive."""
        return await self._json(Call("GET", "/healthz"), Health)

    async def get_readiness(self) -> Health:
        """Check that submissions can be graded.

        200 if every loaded model has scored a program and its last call succeeded.

        A model for which this is not so is called now. The store must also be writable, its disk must have free
        space, and running jobs must have a worker.
        """
        return await self._json(Call("GET", "/readyz"), Health)
