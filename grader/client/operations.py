"""One method for every operation of the service.

Written by docs/generate.py from the OpenAPI document of the service.
"""

from pathlib import Path

from grader.client.methods import returns, returns_text, streams_events, streams_lines
from grader.client.models import (
    DeadMessageList,
    GradeHistory,
    GradeResponse,
    Health,
    Imported,
    JobComparison,
    JobList,
    JobStatus,
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
from grader.client.transport import Call, new_key


class Operations:
    @returns(GradeResponse)
    def grade_submission(
        self, body: LabGradeRequest | RubricGradeRequest, *, idempotency_key: str | None = None
    ) -> Call:
        """Grade a submission.

        Every criterion with its rating and the probability of every rating, or the reason why it is ungraded.

        If the lab has checks and the request has no observations, an observer runs the checks first, if one is
        running. A submission without any graded criterion is still a 200. A 503 has a Retry-After. The grade is
        committed to the store before the response is sent.
        """
        return Call("POST", "/grade", body=body, key=new_key(idempotency_key))

    @returns(LabList)
    def list_labs(self) -> Call:
        """List the registered labs.

        `warnings` are those of `grader check`, also about submissions and the TAs' tables.
        """
        return Call("GET", "/labs")

    @returns(LabRubric)
    def get_lab(self, lab: str) -> Call:
        """Get a lab's rubric."""
        return Call("GET", "/labs/{lab}", path={"lab": lab})

    @returns(Imported)
    def import_lab(
        self,
        lab: str,
        body: bytes | Path,
        *,
        platform: str,
        assignment: str | None = None,
        like: str | None = None,
        dry_run: bool = False,
    ) -> Call:
        """Import an export of a course platform as a new lab.

        Send the zip file as the platform exports it, with Content-Type: application/zip or
        application/octet-stream.

        A roster and the TAs' ratings are read if their CSV files are at the top of the zip file. An existing lab is
        never changed, so that a repeated request is refused.
        """
        return Call(
            "POST",
            "/labs/{lab}/import",
            path={"lab": lab},
            query={"platform": platform, "assignment": assignment, "like": like, "dry_run": dry_run},
            body=body,
        )

    @returns(GradeHistory)
    def get_grade(self, grade_id: str) -> Call:
        """Get a grade and its history.

        A second marker who has not rated the submission yet gets 409 and sees no ratings.
        """
        return Call("GET", "/grades/{grade_id}", path={"grade_id": grade_id})

    @returns(OverrideRecord)
    def override_grade(self, grade_id: str, body: OverrideRequest, *, idempotency_key: str | None = None) -> Call:
        """Override the rating of a criterion.

        Adds to the grade's history; the model's rating remains in it.

        The grades of the other members of a group get the same override, unless `applies_to` is `student`.
        """
        return Call(
            "POST", "/grades/{grade_id}/overrides", path={"grade_id": grade_id}, body=body, key=new_key(idempotency_key)
        )

    @returns(RegradeRequestRecord)
    def submit_regrade_request(
        self, grade_id: str, body: RegradeRequestIn, *, idempotency_key: str | None = None
    ) -> Call:
        """Submit a student's regrade request.

        A request objects to a criterion's current rating, which it records. A criterion has at most one open
        request.
        """
        return Call(
            "POST",
            "/grades/{grade_id}/regrade-requests",
            path={"grade_id": grade_id},
            body=body,
            key=new_key(idempotency_key),
        )

    @returns(RegradeRequestList)
    def list_regrade_requests(
        self, *, lab: str | None = None, state: RequestState | None = None, after: int = 0, limit: int = 50
    ) -> Call:
        """List regrade requests.

        Requests about submissions that the caller must still rate as second marker are left out.
        """
        return Call("GET", "/regrade-requests", query={"lab": lab, "state": state, "after": after, "limit": limit})

    @returns(RegradeRequestRecord)
    def get_regrade_request(self, regrade_id: str) -> Call:
        """Get a regrade request and its answer."""
        return Call("GET", "/regrade-requests/{regrade_id}", path={"regrade_id": regrade_id})

    @returns(RegradeRequestRecord)
    def answer_regrade_request(
        self, regrade_id: str, body: RegradeAnswerIn, *, idempotency_key: str | None = None
    ) -> Call:
        """Grant or decline a regrade request.

        A granted request overrides the rating in the same transaction, also for the other members of a group.
        """
        return Call(
            "POST",
            "/regrade-requests/{regrade_id}/answer",
            path={"regrade_id": regrade_id},
            body=body,
            key=new_key(idempotency_key),
        )

    @returns(StudentLinkOut)
    def create_student_link(self, grade_id: str, body: StudentLinkIn) -> Call:
        """Create a link to a student's feedback.

        The link opens the feedback on this grade only, until it expires. A repeated request creates another link.
        """
        return Call("POST", "/grades/{grade_id}/student-links", path={"grade_id": grade_id}, body=body)

    @returns(JobStatus)
    def regrade_lab(self, lab: str, *, idempotency_key: str | None = None) -> Call:
        """Regrade a lab.

        Starts a job that grades every submission of the lab again. The job survives a restart of the service.
        """
        return Call("POST", "/labs/{lab}/regrade", path={"lab": lab}, key=new_key(idempotency_key))

    @returns(JobList)
    def list_jobs(self, *, limit: int = 50) -> Call:
        """List the course's jobs."""
        return Call("GET", "/jobs", query={"limit": limit})

    @returns(JobStatus)
    def get_job(self, job_id: str) -> Call:
        """Get a job's progress."""
        return Call("GET", "/jobs/{job_id}", path={"job_id": job_id})

    @streams_events
    def stream_job_events(self, job_id: str) -> Call:
        """Stream a job's progress.

        The stream ends after 10 minutes; reconnect to continue. It ends at once if the key is revoked.
        """
        return Call("GET", "/jobs/{job_id}/events", path={"job_id": job_id})

    @returns(JobStatus)
    def pause_job(self, job_id: str) -> Call:
        """Pause a job.

        Finishes the current chunk of up to 16 submissions; the rest waits.
        """
        return Call("POST", "/jobs/{job_id}/pause", path={"job_id": job_id})

    @returns(JobStatus)
    def resume_job(self, job_id: str) -> Call:
        """Resume a job.

        Continues after a pause or a failure, and retries parked submissions. A cancelled job stays cancelled.
        """
        return Call("POST", "/jobs/{job_id}/resume", path={"job_id": job_id})

    @returns(JobStatus)
    def cancel_job(self, job_id: str) -> Call:
        """Cancel a job.

        The job's grades remain.
        """
        return Call("POST", "/jobs/{job_id}/cancel", path={"job_id": job_id})

    @streams_lines
    def get_job_grades(self, job_id: str) -> Call:
        """Get a job's grades.

        Students whom no model graded come first, with the reason, then the grades so far. Without forgotten
        students.

        Every `grade_id` can be overridden, so a person can rate a submission that no model can read. A TA with open
        second markings in the lab gets 409, as for all results of the job.
        """
        return Call("GET", "/jobs/{job_id}/grades.jsonl", path={"job_id": job_id})

    @returns_text
    def get_job_ratings(self, job_id: str) -> Call:
        """Get a job's ratings as a lab's table."""
        return Call("GET", "/jobs/{job_id}/rubric_ratings.csv", path={"job_id": job_id})

    @returns(JobComparison)
    def compare_job(self, job_id: str) -> Call:
        """Compare a job with the TAs' grades and the previous job."""
        return Call("GET", "/jobs/{job_id}/comparison", path={"job_id": job_id})

    @returns(WebhookList)
    def list_webhooks(self) -> Call:
        """List webhooks.

        An all-courses key also lists the webhooks of all courses.
        """
        return Call("GET", "/webhooks")

    @returns(NewWebhook)
    def add_webhook(self, body: WebhookIn) -> Call:
        """Add a webhook.

        Only events from now on are sent. A repeated request adds another webhook.
        """
        return Call("POST", "/webhooks", body=body)

    @returns(WebhookSecret)
    def rotate_webhook_secret(self, webhook_id: str) -> Call:
        """Replace a webhook's secret.

        For a day, messages are also signed with the old secret.
        """
        return Call("POST", "/webhooks/{webhook_id}/rotate-secret", path={"webhook_id": webhook_id})

    @returns(WebhookEndpoint)
    def disable_webhook(self, webhook_id: str) -> Call:
        """Stop sending to a webhook.

        Events while the webhook is disabled are never sent. Waiting messages are sent once it is enabled again.
        """
        return Call("POST", "/webhooks/{webhook_id}/disable", path={"webhook_id": webhook_id})

    @returns(WebhookEndpoint)
    def enable_webhook(self, webhook_id: str) -> Call:
        """Send to a disabled webhook again.

        Events from now on, and waiting messages, are sent.
        """
        return Call("POST", "/webhooks/{webhook_id}/enable", path={"webhook_id": webhook_id})

    @returns(DeadMessageList)
    def list_dead_messages(self, webhook_id: str, *, limit: int = 100) -> Call:
        """List messages that could not be delivered.

        Messages that no attempt delivered within about three days, or that a receiver refused for good.
        """
        return Call(
            "GET", "/webhooks/{webhook_id}/dead-messages", path={"webhook_id": webhook_id}, query={"limit": limit}
        )

    @returns(ReplayResult)
    def replay_dead_messages(self, webhook_id: str, body: ReplayIn) -> Call:
        """Send dead messages again.

        The messages have the same ids and a new schedule. Enable a disabled webhook first.
        """
        return Call("POST", "/webhooks/{webhook_id}/replay", path={"webhook_id": webhook_id}, body=body)

    @returns(Health)
    def get_liveness(self) -> Call:
        """Check that the process is alive."""
        return Call("GET", "/healthz")

    @returns(Health)
    def get_readiness(self) -> Call:
        """Check that submissions can be graded.

        200 if every loaded model has scored a program and its last call succeeded.

        A model whose last call failed is called now. The store must also be writable, its disk must have free
        space, and running jobs must have a worker.
        """
        return Call("GET", "/readyz")
