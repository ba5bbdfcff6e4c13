"""Every limit of the product in one place: sizes, counts and timeouts. The reference page is generated from here.

One frozen record per concern. A field's name ends with its unit (`_bytes`, `_seconds`, ...); its description states
what happens past the limit.
"""

from pydantic import Field

from labs_schema.frozen import Frozen


class LabLimits(Frozen):
    """Sizes of labs and submissions. A larger lab is rejected, so that it cannot fill memory or disk."""

    statement_bytes: int = Field(1_000_000, description="A problem statement or language.txt.")
    rubric_bytes: int = Field(5_000_000, description="rubrics.json.")
    table_bytes: int = Field(200_000_000, description="A table of ratings or comments, or a roster.")
    table_cells: int = Field(
        5_000_000, description="A sheet of a spreadsheet, counted up to its last used row and column."
    )
    line_chars: int = Field(1_000_000, description="A line of a table.")
    title_chars: int = Field(500, description="A criterion title, a rating title or a TA's name.")
    source_bytes: int = Field(1_000_000, description="A source file.")
    submission_bytes: int = Field(5_000_000, description="All source files of a submission.")
    notebook_bytes: int = Field(20_000_000, description="A notebook with its outputs, which are not read.")
    submission_files: int = Field(500, description="Source files of a submission.")
    submission_entries: int = Field(20_000, description="Files of a submission of any type, including ignored ones.")
    folder_levels: int = Field(24, description="Nested folders of a submission.")
    archive_bytes: int = Field(20_000_000, description="An archive as submitted.")
    expanded_bytes: int = Field(100_000_000, description="All archives of a submission after decompression.")
    archive_levels: int = Field(4, description="Archives inside each other.")
    archives: int = Field(50, description="Archives of a submission.")
    compression_ratio: int = Field(100, description="Bytes that one compressed byte may expand to.")
    ratio_from_bytes: int = Field(
        1_000_000, description="The compression ratio is checked for archives of at least this size."
    )
    unreadable_share: float = Field(
        0.2,
        description="If a larger share of the submissions has no readable program, `grader check` warns about the lab.",
    )
    issues_per_code: int = Field(
        100, description="Issues with the same code that are listed; further ones are only counted."
    )


class ObservationLimits(Frozen):
    """Sizes of the observations of a submission (`observations.jsonl`). Longer texts are shortened in the middle."""

    file_bytes: int = Field(200_000_000, description="observations.jsonl; a larger file is an error.")
    results: int = Field(500, description="Checks of a submission; more are an error.")
    diagnostics: int = Field(20, description="Diagnostics of a check; further ones are counted only.")
    text_chars: int = Field(4_000, description="An input, expected or actual output, or message of a check.")
    message_chars: int = Field(500, description="The text of a diagnostic, a file name, the arguments of a check.")
    name_chars: int = Field(200, description="The name of a check; a longer one is an error.")
    tags: int = Field(20, description="Tags of a check; more are an error.")
    tag_chars: int = Field(50, description="A tag; a longer one is an error.")
    evidence_lines: int = Field(5, description="Outcomes listed as the evidence of a rating, failures first.")
    tools: int = Field(50, description="Tools whose versions are recorded; more are an error.")


class CheckLimits(Frozen):
    """checks.yaml and the tests of a contest package. If a limit is exceeded, the checks are rejected."""

    checks_bytes: int = Field(1_000_000, description="checks.yaml.")
    file_bytes: int = Field(4_000_000, description="An input, an answer, or a file in the folder checks.")
    data_bytes: int = Field(50_000_000, description="All inputs and answers of a contest package.")
    checks: int = Field(400, description="Tests, unit tests and linters of a lab.")
    name_chars: int = Field(200, description="The name of a check, a tag or a file.")
    arguments: int = Field(100, description="Arguments of a command.")
    argument_chars: int = Field(10_000, description="An argument of a command.")
    tags: int = Field(20, description="Tags of a check.")
    folder_levels: int = Field(8, description="Nested folders of a file's path.")
    seconds: float = Field(300.0, description="The largest time limit that a check may have.")
    memory_mib: int = Field(16_384, description="The largest memory limit that a check may have.")


class SandboxLimits(Frozen):
    """A run of a compiler or of a student's program. Time and memory are limited by the check."""

    processes: int = Field(64, description="Processes and threads at the same time.")
    open_files: int = Field(256, description="Open files of a process.")
    disk_bytes: int = Field(64_000_000, description="Each of the working folder and /tmp; both are in memory.")
    output_bytes: int = Field(4_000_000, description="Standard output and error together; beyond it, the run ends.")
    artifact_bytes: int = Field(64_000_000, description="The result of a build.")
    stack_bytes: int = Field(8_388_608, description="The stack of a process.")
    wall_factor: float = Field(3.0, description="Limit of wall-clock time, as a multiple of the CPU time limit.")
    wall_extra_seconds: float = Field(1.0, description="Wall-clock time that is added to that.")
    setup_seconds: float = Field(30.0, description="Longest wait for the sandbox to start, and to end.")


class ImportLimits(Frozen):
    """Exports of course platforms that `grader import` reads."""

    export_bytes: int = Field(20_000_000_000, description="All files of an export after decompression.")
    export_files: int = Field(200_000, description="Files of an export.")
    file_bytes: int = Field(100_000_000, description="A file of a submission; a larger one is skipped and reported.")
    metadata_bytes: int = Field(200_000_000, description="A table or metadata file of an export.")
    template_bytes: int = Field(500_000_000, description="A platform's file that `grader export` fills.")
    metadata_levels: int = Field(64, description="Nested values in the metadata of an export.")
    metadata_values: int = Field(10_000_000, description="Values in the metadata of an export.")
    database_steps: int = Field(
        200_000_000, description="SQLite steps while a gradebook is read; beyond it, the gradebook is rejected."
    )
    listed_names: int = Field(2_000, description="Entries of a folder that are examined to recognise an export.")


class TransportLimits(Frozen):
    """Requests of the HTTP engine to `vllm serve` processes. This is the transport layer's retry policy."""

    connect_seconds: float = Field(
        5.0, description="Wait for the connection to a server; then the next server is tried."
    )
    request_seconds: float = Field(300.0, description="Wait for one completion request; then the next server is tried.")
    discovery_seconds: float = Field(20.0, description="Wait for a server to report which models it serves.")
    patience_seconds: float = Field(
        120.0, description="How long one request is retried while no server answers; then the engine counts as down."
    )
    retry_wait_seconds: float = Field(0.2, description="Unit of the random exponential wait between two retries.")
    longest_retry_wait_seconds: float = Field(5.0, description="Cap of that wait.")
    back_off_seconds: float = Field(
        5.0, description="How long a failed server is tried last; doubles with each further failure."
    )
    longest_back_off_seconds: float = Field(60.0, description="Cap of that time.")
    concurrent_requests: int = Field(
        32,
        description="Requests in flight over all servers: enough to fill their batches, too few to fill their queues.",
    )


class OutboundLimits(Frozen):
    """Requests to course platforms, webhook receivers and key sets."""

    connect_seconds: float = Field(10.0, description="Connecting to one address of a host.")
    request_seconds: float = Field(
        30.0, description="A request with its complete response; after this time, it has failed."
    )
    keepalive_seconds: float = Field(20.0, description="An idle connection is closed after this time.")
    response_bytes: int = Field(5_000_000, description="A response; a larger one is refused.")


class ClientLimits(Frozen):
    """Requests of `grader.client` to the HTTP service, and its retries."""

    request_seconds: float = Field(150.0, description="A request; more than the service waits for a grade.")
    attempts: int = Field(6, description="How often a request that can be repeated is sent.")
    patience_seconds: float = Field(180.0, description="No further attempt starts later than this.")
    retry_wait_seconds: float = Field(0.5, description="Unit of the random exponential wait without a Retry-After.")
    longest_retry_wait_seconds: float = Field(20.0, description="Cap of that wait.")
    poll_seconds: float = Field(2.0, description="Time between two requests for the state of a job.")


class WebhookLimits(Frozen):
    """Webhooks. The schedule of attempts follows Standard Webhooks: ten in about 75 hours."""

    poll_seconds: float = Field(2.0, description="Time between two checks for new events and due messages.")
    claim_seconds: float = Field(90.0, description="A message of a process that ended is sent again after this time.")
    stop_seconds: float = Field(2.0, description="How long a stopping process waits for a request in flight.")
    answer_bytes: int = Field(100_000, description="A receiver's answer; a larger one is a failed attempt.")
    entries_per_look: int = Field(500, description="Audit entries that one check reads for each endpoint.")
    rotation_hours: int = Field(
        24, description="After a rotation, messages are also signed with the old secret for this time."
    )
    listed: int = Field(100, description="Dead messages that the API lists by default.")
    listed_max: int = Field(1000, description="Dead messages that the API lists at most.")


class LtiLimits(Frozen):
    """Launches from course platforms (LTI)."""

    id_chars: int = Field(255, description="Issuer, client id, deployment, user or link of a platform.")
    text_chars: int = Field(10_000, description="A parameter of a login or a text in a claim.")
    token_chars: int = Field(100_000, description="The token of a launch.")
    login_minutes: float = Field(10.0, description="From the start of a login to its launch.")
    ticket_minutes: float = Field(
        5.0, description="The button that opens a launch in a new window works for this time."
    )
    choice_minutes: float = Field(60.0, description="From a deep-linking launch to the choice of a lab.")
    response_seconds: float = Field(300.0, description="A deep-linking response is valid for this time.")
    registration_hours: float = Field(
        24.0, description="A registration link for a platform's administrator is valid for this time."
    )
    clock_skew_seconds: float = Field(60.0, description="Tolerated difference from the clock of a platform.")
    key_set_bytes: int = Field(200_000, description="The key set of a platform.")
    keys_cache_seconds: float = Field(3600.0, description="A key set is fetched again after this time.")
    keys_stale_seconds: float = Field(
        86_400.0, description="A key set that cannot be fetched again is used for this time."
    )
    keys_refetch_seconds: float = Field(60.0, description="A key set is fetched at most this often.")
    keys_wait_seconds: float = Field(
        5.0, description="How long a launch waits while another launch fetches the key set."
    )
    key_publish_hours: float = Field(
        24.0, description="A new key of the tool is published for this time before it signs."
    )
    key_retain_hours: float = Field(
        72.0, description="An old key of the tool stays published for this time afterwards."
    )


class DeliveryLimits(Frozen):
    """Retries of requests to course platforms. This is the delivery layer's retry policy."""

    attempts: int = Field(6, description="Attempts to read from a platform or to send one grade.")
    pause_seconds: float = Field(1.0, description="The first pause between two attempts; it doubles.")
    poll_seconds: float = Field(2.0, description="Time between two checks for confirmed deliveries, in the service.")
    stop_seconds: float = Field(2.0, description="How long a stopping service waits for the grade that it is sending.")
    outage_pause_seconds: float = Field(
        120.0, description="The service retries a delivery after this time if the platform is not available."
    )
    outage_hours: float = Field(24.0, description="After this time, such a delivery fails.")
    listed_jobs: int = Field(10, description="Earlier deliveries that the page of a lab lists.")
    longest_pause_seconds: float = Field(30.0, description="The longest pause between two attempts.")
    longest_wait_seconds: float = Field(
        300.0, description="A platform that asks for a longer wait (Retry-After) is not retried in the same run."
    )


class EngineLimits(Frozen):
    """Sizes with which a vLLM engine is created. A `vllm serve` process needs the same or larger values."""

    option_labels: int = Field(26, description="Options of a criterion, one for each letter (`max_logprobs`).")
    loaded_adapters: int = Field(
        32, description="LoRA adapters in memory; others are read from disk when they are used."
    )
    shared_adapter_rank: int = Field(64, description="Largest rank of an adapter that shares a base model with others.")
    kv_cache_gib: int = Field(2, description="Prefix cache on a CPU, unless VLLM_CPU_KVCACHE_SPACE is set.")


class DatasetLimits(Frozen):
    """Reading training files."""

    reported_rows: int = Field(20, description="Invalid rows of one file that are reported before reading stops.")


class TrainingLimits(Frozen):
    """Memory for training."""

    frozen_states_bytes: int = Field(
        4_000_000_000,
        description="Hidden states of frozen layers in memory (`lora_layers`); further submissions are recomputed.",
    )


class QueueLimits(Frozen):
    """The queue in front of the engine."""

    capacity_submissions: int = Field(64, description="Interactive submissions that may wait; beyond it, 503.")
    batch_submissions: int = Field(16, description="Submissions that one engine call grades.")
    course_share: float = Field(
        0.5, description="Part of the queue that one course may fill if several courses are served."
    )
    retry_after_seconds: int = Field(60, description="The longest wait that a `Retry-After` header suggests.")
    model_switch_seconds: float = Field(
        0.1, description="A slower switch between models counts as loading: the course may then use the engine as long."
    )
    short_program_chars: int = Field(
        50_000, description="Longer programs are prepared on a separate thread, so that short ones do not wait."
    )


class ReportLimits(Frozen):
    """The HTML report of an evaluation."""

    highlighted_chars: int = Field(100_000, description="Longer files are shown without syntax highlighting.")
    submissions: int = Field(
        1000, description="Misgraded submissions of a group that are shown with their code, the most confident first."
    )


class DemoLimits(Frozen):
    """`grader demo`."""

    service_start_seconds: float = Field(180.0, description="The service must be ready within this time.")


class DoctorLimits(Frozen):
    """`grader doctor`."""

    memory_bytes: int = Field(4_000_000_000, description="Less is a warning: `make demo` needs about this much.")
    disk_bytes: int = Field(5_000_000_000, description="Less is a warning: the installed packages need 3 GB.")
    command_seconds: float = Field(
        10.0, description="A program such as nvidia-smi that takes longer counts as missing."
    )


class LexerLimits(Frozen):
    """Memory for lexed programs (`labs_schema.source.lexer`)."""

    cache_bytes: int = Field(
        32_000_000,
        description="Estimated memory for the most recently lexed programs; the least recently used are dropped.",
    )


class DatabaseLimits(Frozen):
    """Time limits of the store's database."""

    busy_seconds: int = Field(30, description="Longest wait for a lock on a SQLite file or for the migration lock.")
    connect_seconds: int = Field(
        10, description="Longest wait for a new PostgreSQL connection; `connect_timeout` in the URL overrides it."
    )
    keepalive_idle_seconds: int = Field(10, description="Idle time of a PostgreSQL socket before TCP keepalive probes.")
    keepalive_interval_seconds: int = Field(5, description="Time between two TCP keepalive probes.")
    unacknowledged_seconds: int = Field(
        30, description="How long sent data may stay unacknowledged (TCP_USER_TIMEOUT)."
    )
    unresponsive_seconds: float = Field(
        10.0, description="A PostgreSQL statement without a reply for this time fails, and its connection is closed."
    )
    write_lock_seconds: float = Field(
        8.0, description="Longest wait of a PostgreSQL writer for a lock (`lock_timeout`)."
    )
    idle_transaction_seconds: int = Field(60, description="The server ends a transaction that is idle for this time.")
    probe_interval_seconds: float = Field(2.0, description="Time between two probes while the circuit breaker is open.")
    probe_seconds: int = Field(2, description="Longest wait of a probe for its connection; libpq does not allow less.")
    name_chars: int = Field(300, description="Longer names of courses, students, staff and keys are refused.")
    values_per_query: int = Field(500, description="Longer lists of values are split over several queries.")


class RegradeRequestLimits(Frozen):
    """Students' regrade requests."""

    per_criterion: int = Field(3, description="Requests about one criterion of a grade; only one of them may be open.")
    text_chars: int = Field(5_000, description="The text of a request or an answer.")
    listed: int = Field(50, description="Requests that `GET /regrade-requests` lists by default.")
    listed_max: int = Field(500, description="Requests that `GET /regrade-requests` lists at most.")
    link_days: int = Field(30, description="How long a link for a student is valid by default.")
    link_days_max: int = Field(400, description="How long a link for a student is valid at most.")


class IdempotencyLimits(Frozen):
    """Retries of a request with the same `Idempotency-Key`."""

    answer_hours: int = Field(24, description="A stored answer is deleted after this time.")
    lease_seconds: int = Field(30, description="A claim not renewed for this time is taken over by the next retry.")
    heartbeat_seconds: float = Field(5.0, description="Time between two renewals of a claim.")


class RequestLimits(Frozen):
    """Limits on the content of an API request. A request that exceeds one is refused with 413 or 422."""

    body_bytes: int = Field(2_000_000, description="The body of a request; beyond it, 413.")
    upload_bytes: int = Field(
        500_000_000,
        description="The zip file of `POST /labs/{lab}/import`, and an upload in the lab editor; beyond it, 413.",
    )
    criteria: int = Field(100, description="Criteria of a rubric.")
    ratings: int = Field(26, description="Ratings of a criterion: one per option letter.")
    object_fields: int = Field(32, description="Fields of a JSON object, checked before it is parsed.")
    problem_chars: int = Field(200_000, description="A problem statement.")
    description_chars: int = Field(10_000, description="The description of a criterion or a rating.")
    title_chars: int = Field(500, description="A title, an id, a lab name or a language.")
    name_chars: int = Field(255, description="A file name, or a student's id.")
    listed_errors: int = Field(20, description="Invalid fields that a problem response lists.")
    excerpt_chars: int = Field(60, description="A problem response describes a longer value instead of quoting it.")


class ServiceLimits(Frozen):
    """Timeouts and counts of the HTTP service."""

    grading_timeout_seconds: float = Field(120.0, description="How long a request waits for its grade; then 503.")
    drain_seconds: int = Field(60, description="After SIGTERM, accepted requests have this long to finish.")
    backlog_polls: int = Field(
        5, description="Before it stops, the service accepts waiting connections in this many rounds."
    )
    backlog_poll_seconds: float = Field(0.02, description="The time between two of those rounds.")
    probe_seconds: float = Field(10.0, description="How long `/readyz` waits for the model and for the store.")
    rate_limit_callers: int = Field(1000, description="Callers in memory before idle ones are dropped.")
    stream_seconds: float = Field(600.0, description="A stream of job events ends after this time; reconnect then.")
    stream_poll_seconds: float = Field(0.5, description="How often a stream reads the state of its job.")
    stream_heartbeat_seconds: float = Field(15.0, description="A comment is sent on a stream without events.")
    listed_jobs: int = Field(50, description="Jobs that `GET /jobs` lists by default.")
    listed_jobs_max: int = Field(500, description="Jobs that `GET /jobs` lists at most.")
    docs_cache_seconds: int = Field(86_400, description="How long browsers may cache the assets of `/docs`.")


class PageLimits(Frozen):
    """The review pages."""

    session_hours: float = Field(12.0, description="A session ends this long after the sign-in.")
    link_minutes: int = Field(30, description="A sign-in link is valid for this time unless `--minutes` changes it.")
    form_fields: int = Field(1000, description="Fields of a form; beyond it, 400.")
    form_files: int = Field(10, description="Files of a form; beyond it, 400.")
    static_cache_seconds: int = Field(86_400, description="How long browsers may cache style sheets and scripts.")
    listed_submissions: int = Field(50, description="Submissions on one page of a list.")
    shown_chars: int = Field(1_000_000, description="Characters of a submission that a page shows.")
    highlighted_files: int = Field(
        64, description="Files whose highlighting is in memory, because the page is shown again after every rating."
    )
    items_in_memory: int = Field(30_000, description="Submissions of all labs whose state is in memory.")
    comment_chars: int = Field(10_000, description="A TA's comment; beyond it, 413.")
    label_sessions: int = Field(
        4, description="Labs that can be rated at the same time, with their fitted heads in memory."
    )
    label_poll_seconds: float = Field(
        1.5, description="Time between two requests of a browser for the state of a running fit."
    )
    listed_changes: int = Field(200, description="Changed ratings that the page of proposed grades lists.")
    listed_deliveries: int = Field(
        200, description="Students of a delivery that a page lists; further ones are counted."
    )
    waiting_uploads: int = Field(20, description="Uploads of a course that wait for a confirmation; beyond it, 409.")
    upload_minutes: int = Field(60, description="An upload that is not confirmed is deleted after this time.")
    pause_seconds: float = Field(600.0, description="A longer time between two decisions counts as a break.")
    grouping_seconds: float = Field(
        2.0, description="How long one request compares programs for groups of equal answers; the next one continues."
    )
    grouped_chars: int = Field(
        50_000, description="A longer program is grouped with identical programs only, not with similar ones."
    )
    grouped_bytes: int = Field(
        200_000_000,
        description="Memory for compared programs; beyond it, programs are grouped with identical ones only.",
    )
    group_members: int = Field(
        200, description="Members of a group that are rated in one step; the others follow in the next step."
    )
    group_differences: int = Field(20, description="Programs of a group whose differences a page shows.")
    snippets: int = Field(100, description="Comment snippets of a TA, and shared ones of a course; beyond it, 409.")
    snippet_chars: int = Field(1_000, description="The text of a comment snippet; beyond it, 413.")
    doubt_submissions: int = Field(
        3, description="Number of submissions that must raise the same question before the page lists it."
    )
    doubts_read: int = Field(
        2_000, description="Waiting submissions that are searched for such questions, in the order of the list."
    )
    clarification_chars: int = Field(
        2_000, description="An answer that becomes part of the rubric; a longer one gets 413."
    )
    compared_lines: int = Field(400, description="A program with more lines is shown without its differences.")


class CourseLimits(Frozen):
    """Several courses in one service, each with its own model."""

    bases_on_cpu: int = Field(2, description="Base models loaded at the same time on CPUs.")
    bases_on_gpu: int = Field(1, description="Base models loaded at the same time on a GPU.")
    bases_on_servers: int = Field(1000, description="Base models in use at the same time on running vLLM servers.")
    refused_model_seconds: float = Field(
        30.0, description="Time until a refused model is checked again; a check reads all of its weights."
    )
    cached_tokenizers: int = Field(
        4, description="Tokenizers cached to check program lengths before a model is loaded; one may take 100 MB."
    )


class RetryLimits(Frozen):
    """The job layer's retry policy; the transport layer's is `TransportLimits`. See docs/reference/retries.md."""

    failures: int = Field(3, description="Failures of a submission that is graded alone, after which it is parked.")
    crashes: int = Field(6, description="Crashes of the process or the engine after which a submission is parked.")
    worker_restarts: int = Field(20, description="Restarts of one worker of a Ray cluster.")


class JobLimits(Frozen):
    """Chunks, workers and their pauses."""

    chunk_submissions: int = Field(16, description="Submissions that are graded and stored together.")
    poll_seconds: float = Field(1, description="Time between two checks of a worker for new jobs.")
    heartbeat_seconds: float = Field(5, description="Time between two heartbeats of a worker.")
    dead_seconds: float = Field(30, description="A worker without a heartbeat for this time loses its chunks.")
    stop_seconds: float = Field(2, description="How long a stopping worker waits for the chunk it is grading.")
    pause_seconds: float = Field(0.5, description="The first pause after an outage or an unusable lab; it doubles.")
    longest_pause_seconds: float = Field(10, description="The longest such pause.")
    stalled_seconds: float = Field(60, description="A job on which no worker makes progress for this time fails.")
    labs_in_memory: int = Field(16, description="Labs of unfinished jobs that a worker holds in memory.")


class ObserverLimits(Frozen):
    """Submissions that wait for an observer (`grader observer`). Heartbeats are as in `JobLimits`."""

    wait_seconds: float = Field(
        60.0, description="How long `POST /grade` waits for outcomes; then it grades without them."
    )
    poll_seconds: float = Field(0.25, description="Time between two checks for outcomes, and for new submissions.")
    result_hours: int = Field(
        24, description="Stored outcomes are deleted after this time; grades have their own copy."
    )
    observers: int = Field(
        16, description="Labs for which an observer holds the toolchain and the validator in memory."
    )


class ModelHubLimits(Frozen):
    """Contact with the model hub."""

    response_seconds: float = Field(
        5.0, description="Wait for the hub's answer about a model; HF_HUB_ETAG_TIMEOUT overrides it."
    )
