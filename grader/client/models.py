"""Records of requests and responses. Written by docs/generate.py from the OpenAPI document of the service.

Unknown fields of responses are ignored, because the service only ever adds fields.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

JsonObject = dict[str, Any]
Action = Literal["rate", "accept", "comment", "undo", "conflict"]
CheckKind = Literal["build", "warnings", "lint", "test", "unit_test"]
Match = Literal["exact", "whitespace", "words", "values", "none"]
Outcome = Literal["passed", "failed", "timeout", "memory_limit", "output_limit", "crashed", "not_run", "error", "flaky"]
RequestState = Literal["open", "answered"]
Resolution = Literal["granted", "declined"]
Severity = Literal["error", "warning"]
State = Literal["queued", "running", "paused", "cancelled", "done", "failed"]
Status = Literal["accepted", "needs_review"]


class Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class ArchiveIn(Record):
    """A zip or tar archive, as the student submitted it."""

    filename: str
    content: str


class Change(Record):
    """A criterion that the job rated differently from the previous job. A rating is null if it was ungraded."""

    student: str
    criterion: str
    before: str | None
    now: str | None


class Changes(Record):
    """The changed ratings since the job `before`."""

    before: str
    compared: int
    same: int
    changes: tuple[Change, ...]


class CheckResult(Record):
    """The outcome of one check. Texts that are too long are shortened in the middle."""

    check: str
    kind: CheckKind
    outcome: Outcome
    visible: bool = False
    tags: tuple[str, ...] = ()
    points: float | None = None
    max_points: float | None = None
    input: str | None = None
    arguments: str | None = None
    expected: str | None = None
    actual: str | None = None
    message: str | None = None
    match: Match | None = None
    exit_status: int | None = None
    signal: int | None = None
    seconds: float | None = None
    memory_bytes: int | None = None
    diagnostics: tuple[Diagnostic, ...] = ()
    diagnostic_count: int = 0


class Comparison(Record):
    """A regraded lab next to the ratings of its TAs."""

    lab: str
    students: int
    unreadable: dict[str, int]
    unobserved: int = 0
    rated_by_both: int
    agreed: int
    agreement: float | None
    criteria: tuple[CriterionComparison, ...]
    differences: tuple[Difference, ...]


class CriterionComparison(Record):
    """Counts of one criterion. The sum of `confusion` is `rated_by_both`."""

    criterion: str
    rated_by_both: int
    agreed: int
    ungraded: int
    needs_review: int
    confusion: dict[str, dict[str, int]]


class CriterionIn(Record):
    """1 to 26 ratings, in the rubric's order. A single one is completed by the rating `not met` with 0 points.

    The response repeats `id`, or the title if there is none. The keys may also be those of rubrics.json or of
    Canvas.
    """

    id: str | None = None
    title: str
    description: str = ""
    bonus: bool = False
    ratings: tuple[RatingIn, ...]
    decided_by: tuple[OutcomeRule, ...] = ()


class DeadMessage(Record):
    """A message that could not be delivered."""

    id: str
    endpoint: str
    event: str
    at: str
    attempts: int
    result: str | None


class DeadMessageList(Record):
    messages: tuple[DeadMessage, ...]


class Diagnostic(Record):
    """A line of a compiler or linter."""

    filename: str = ""
    line: int | None = None
    severity: str = "warning"
    text: str


class Difference(Record):
    """A criterion of a submission that the TA and the grader rated differently. Ratings are titles."""

    student: str
    criterion: str
    ta: str
    grader: str
    confidence: float | None


class EvidenceLine(Record):
    """An observation that a grade rests on."""

    check: str
    outcome: Outcome
    visible: bool = False
    place: str | None = None


class FileIn(Record):
    filename: str
    content: str


class GradeHistory(Record):
    """The model's grade, people's overrides of it, and the student's other grades in this lab."""

    id: str
    at: str
    by: str
    student: str | None
    grade: GradeResponse | None
    overrides: tuple[OverrideRecord, ...]
    regrade_requests: tuple[RegradeRequestRecord, ...]
    ratings: dict[str, str | None]
    others: tuple[GradeReference, ...]


class GradeReference(Record):
    id: str
    at: str
    by: str


class GradeResponse(Record):
    """A stored grade. `points` is the total: null if the rubric has no points, or if a criterion is ungraded; then
    `points_range` has the possible totals.
    """

    grade_id: str
    lab: str | None
    criteria: tuple[GradedCriterion, ...]
    points: float | None
    points_range: PointsRange | None
    max_points: float | None
    provenance: Provenance | None


class GradedCriterion(Record):
    """Has either a `rating` or `ungraded`, the reason why there is none. `points` are those of the rating."""

    id: str
    title: str
    rating: RatingOut | None
    ungraded: str | None
    points: float | None
    max_points: float | None
    bonus: bool = False
    ratings: tuple[ScoredRating, ...]
    confidence: float | None
    label_mass: float | None
    sources: dict[str, float] = {}
    evidence: tuple[EvidenceLine, ...] = ()
    decided: bool = False
    status: Status
    review_reasons: tuple[str, ...]
    reasoning: str | None


class Health(Record):
    status: str


class ImportReport(Record):
    """Counts of an import, and lists of student ids."""

    platform: str
    submissions: int
    students: int
    written: int | None
    matched: int
    unmatched: tuple[str, ...]
    ambiguous: tuple[str, ...]
    absent: tuple[str, ...]
    late: tuple[str, ...]
    older_attempts: int
    groups: int
    files: int
    criteria: int
    rated_students: int
    ratings: int
    ratings_unused: int


class Imported(Record):
    """`served` is false if the lab still lacks a problem statement or a rubric."""

    report: ImportReport
    issues: tuple[Issue, ...]
    served: bool


class Issue(Record):
    """One problem in a user's input. `issues.yaml` explains every `code`.

    Contains student text only as a short escaped excerpt.
    """

    code: str
    severity: Severity
    path: str
    found: str
    expected: str
    hint: str
    line: int | None = None


class JobComparison(Record):
    """A job's ratings next to those of the TAs and of the lab's previous job."""

    with_tas: Comparison | None
    with_previous: Changes | None


class JobList(Record):
    jobs: tuple[JobStatus, ...]


class JobStatus(Record):
    id: str
    lab: str
    course: str
    state: State
    started_at: str
    started_by: str
    finished_at: str | None
    graded: int
    total: int
    parked: tuple[ParkedSubmission, ...]
    warnings: tuple[LabWarning, ...]
    failure: str | None
    seconds_left: float | None


class LabGradeRequest(Record):
    """Grade with the rubric of a registered lab (`GET /labs`)."""

    submission: SubmissionIn
    observations: ObservationsIn | None = None
    student: str | None = None
    reasoning: bool = False
    lab: str


class LabList(Record):
    labs: tuple[LabSummary, ...]


class LabRubric(Record):
    name: str
    language: str
    problem: str
    criteria: tuple[RubricCriterion, ...]
    warnings: tuple[LabWarning, ...]


class LabSummary(Record):
    name: str
    language: str
    criteria: int
    max_points: float | None
    warnings: tuple[LabWarning, ...]


class LabWarning(Record):
    """A kind of issue that `grader check` reports about the lab. It is not the cause of a failure."""

    code: str
    count: int
    meaning: str


class NewWebhook(Record):
    """A receiver that was just added."""

    id: str
    at: str
    url: str
    events: tuple[str, ...]
    course: str | None
    disabled_at: str | None
    disabled_reason: str | None
    waiting: int
    dead: int
    fault: WebhookFault | None
    secret: str


class ObservationsIn(Record):
    """Outcomes of building and running the submission elsewhere, with the fields of `observations.jsonl`."""

    source: str = "api"
    tools: dict[str, str] = {}
    results: tuple[CheckResult, ...]


class OutcomeRule(Record):
    """Gives `rating` if all of its conditions hold; without conditions it always does.

    A condition lists checks by name, `tag:boundary` for all tests with a tag, or `kind:test` for all of a kind.
    """

    rating: str
    all_passed: tuple[str, ...] = ()
    any_passed: tuple[str, ...] = ()
    none_passed: tuple[str, ...] = ()
    all_ended: tuple[str, ...] = ()
    any_ended: tuple[str, ...] = ()


class OverrideRecord(Record):
    """A person's rating that replaced the one before, or another action on a criterion."""

    id: str
    at: str
    by: str
    criterion: str
    old: str | None
    new: str | None
    why: str
    action: Action = "rate"


class OverrideRequest(Record):
    """A person's rating of a criterion, which replaces the current one."""

    criterion: str
    rating: str
    why: str = ""
    applies_to: Literal["group", "student"] = "group"


class ParkedSubmission(Record):
    """A student without a grade. `student` is null once forgotten.

    `code`: why there is no readable program; null if the job gave the submission up after repeated failures.
    """

    student: str | None
    reason: str
    code: str | None


class PointsRange(Record):
    low: float
    high: float


class Provenance(Record):
    """Everything needed to reproduce a grade. Hashes are SHA-256 in hexadecimal."""

    grader_version: str
    engine: str
    engine_version: str
    base_model: str
    model_hash: str
    tokenizer_hash: str
    prompt_hash: str
    rubric_hash: str
    submission_hash: str
    settings_hash: str
    observations_hash: str | None = None


class RatingIn(Record):
    """A rating of a criterion. Negative points are a deduction."""

    id: str
    description: str = ""
    points: float | None = None


class RatingOut(Record):
    id: str
    description: str
    points: float | None


class RegradeAnswerIn(Record):
    """A person's answer to a regrade request."""

    rating: str | None = None
    text: str = ""


class RegradeAnswerRecord(Record):
    at: str
    by: str
    resolution: Resolution
    rating: str | None
    text: str


class RegradeRequestIn(Record):
    """A student's objection to the rating of a criterion."""

    criterion: str
    text: str


class RegradeRequestList(Record):
    requests: tuple[RegradeRequestRecord, ...]
    next: int | None


class RegradeRequestRecord(Record):
    """A regrade request with its answer."""

    id: str
    at: str
    by: str
    grade_id: str
    lab: str
    student: str | None
    criterion: str
    rating: str | None
    text: str
    state: RequestState
    answer: RegradeAnswerRecord | None


class ReplayIn(Record):
    """The dead messages to send again."""

    message: str | None = None


class ReplayResult(Record):
    replayed: int


class RubricCriterion(Record):
    id: str
    title: str
    description: str
    max_points: float | None
    bonus: bool = False
    ratings: tuple[RatingOut, ...]


class RubricGradeRequest(Record):
    """Grade with the rubric in this request."""

    submission: SubmissionIn
    observations: ObservationsIn | None = None
    student: str | None = None
    reasoning: bool = False
    problem: str
    language: str
    criteria: tuple[CriterionIn, ...]


class ScoredRating(Record):
    """A rating with the model's probability for it, null if the criterion was not scored."""

    id: str
    description: str
    points: float | None
    probability: float | None


class StudentLinkIn(Record):
    """`include_review` and `probabilities` need a key with the role ta."""

    days: int = 30
    include_review: bool = False
    probabilities: bool = False


class StudentLinkOut(Record):
    path: str
    expires_at: str


class SubmissionIn(Record):
    """Files with distinct names, or one archive of them. As in a lab, only source files are graded."""

    files: tuple[FileIn, ...] = ()
    archive: ArchiveIn | None = None


class WebhookEndpoint(Record):
    """A receiver of events."""

    id: str
    at: str
    url: str
    events: tuple[str, ...]
    course: str | None
    disabled_at: str | None
    disabled_reason: str | None
    waiting: int
    dead: int
    fault: WebhookFault | None


class WebhookFault(Record):
    """The reason why messages wait."""

    code: str
    message: str
    hint: str


class WebhookIn(Record):
    """A receiver to add."""

    url: str
    events: tuple[
        Literal[
            "grade.accepted",
            "grade.needs_review",
            "grade.overridden",
            "regrade.requested",
            "regrade.answered",
            "delivery.conflict",
            "delivery.failed",
            "job.completed",
            "job.failed",
        ],
        ...,
    ] = ()
    all_courses: bool = False


class WebhookList(Record):
    webhooks: tuple[WebhookEndpoint, ...]


class WebhookSecret(Record):
    secret: str
