"""Grades from many models at once: a Ray Data job with one row per submission over a pool of workers.

Ray restarts a dead worker and gives its rows to another one.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from labs_schema.errors import GraderError
from labs_schema.grades import Grade
from labs_schema.hashes import observations_hash, rubric_hash, submission_hash
from labs_schema.limits import JobLimits, RetryLimits
from labs_schema.models import Lab
from serving.cluster.ray_job import RayJob
from serving.cluster.ray_rows import RayRows
from serving.cluster.ray_session import LOCAL, ray_session
from serving.engines.engine import EngineDownError
from serving.grading.grader import Grader
from serving.grading.retries import all_ungraded

DEFAULT_WORKERS = 2
PART = 16_384
"""Submissions that are sent to the cluster at a time, about 50 MB."""


class RaySource:
    """Grades on the cluster at `address` (`local` or `ray://host:port`) in `workers` processes with a model each.

    `load` loads the model; the package and the model's folder must have the same path on every machine. `workers`: by
    default one per GPU, or two. `on_gpu`: whether a worker takes a GPU if the cluster has any. `questions`,
    `prompt_tokens` and `uncached_tokens` count as in a MeteredEngine; `by_process`: grades of each worker.
    """

    def __init__(
        self,
        load: Callable[[], Grader],
        *,
        address: str = LOCAL,
        workers: int | None = None,
        chunk: int = JobLimits().chunk_submissions,
        on_gpu: bool = True,
        reasoning: bool = False,
    ) -> None:
        self._load, self._address, self._workers, self._chunk = load, address, workers, chunk
        self._on_gpu, self._reasoning = on_gpu, reasoning
        self.questions = self.prompt_tokens = self.uncached_tokens = 0
        self.by_process: Counter[int] = Counter()

    def grades(self, labs: Iterable[Lab]) -> Iterator[list[Grade]]:
        """Implements `GradeSource`. Reads `labs` once for each pass, one lab at a time.

        A block whose worker died `RetryLimits.failures` times is graded again, one submission at a time and as often;
        a submission whose worker still dies is ungraded. Raises EngineDownError if there is no cluster, a worker cannot
        load or use its model, or all workers die before the first grade; GraderError if the cluster is too small.
        """
        rows, provenance = RayRows(labs), None
        with ray_session(self._address, self._workers) as ray:
            for chunk in (self._chunk, 1):
                for grades in self._pass(ray, rows, chunk):
                    provenance = grades[0].origin
                    rows.left.difference_update((grade.lab, grade.student) for grade in grades)
                    yield grades
        if rows.left and provenance is None:
            raise EngineDownError("Every worker died before its first grade; the model may not fit into its memory.")
        for lab in rows.waiting():
            for submission in lab.submissions:
                assert provenance is not None
                hashes = {
                    "rubric_hash": rubric_hash(lab),
                    "submission_hash": submission_hash(submission),
                    "observations_hash": observations_hash(submission),
                }
                reason = f"the worker that graded it died {RetryLimits().failures} times"
                origin = provenance.model_copy(update=hashes)
                yield [all_ungraded(lab.name, submission.student, lab.criteria, reason, origin)]

    def _pass(self, ray: Any, rows: RayRows, chunk: int) -> Iterator[list[Grade]]:
        """The grades of the rows that are left, without those of dead workers. `chunk` rows are graded together."""
        gpus, workers = self._allocate(ray.cluster_resources())
        try:
            job, count = None, 0
            for part in rows.parts(PART):
                job, count = job or ray.remote(RayJob).options(num_cpus=0).remote(chunk), count + len(part)
                ray.get(job.add.remote(part))
            if job:  # no more models than blocks
                sizes = {"workers": min(workers, -(-count // chunk)), "gpus": gpus, "attempts": RetryLimits().failures}
                ray.get(job.start.remote(self._load, rows.rubrics, reasoning=self._reasoning, **sizes))
            while job and (block := ray.get(job.block.remote())):
                yield self._read(block)
        except ray.exceptions.RayError as error:
            cause = getattr(error, "cause", None) or error
            raise EngineDownError(
                f"The cluster's job failed ({type(cause).__name__}); its workers may not start."
            ) from error
        except ConnectionError as error:
            raise EngineDownError(f"The connection to the cluster at {self._address} was lost.") from error

    def _allocate(self, has: Mapping[str, float]) -> tuple[int, int]:
        """GPUs per worker, and workers. Ray would wait forever for resources that the cluster does not have."""
        gpus = int(has.get("GPU", 0)) if self._on_gpu else 0
        available = gpus or int(has.get("CPU", 0))
        workers = self._workers or gpus or min(DEFAULT_WORKERS, available)
        if not 1 <= workers <= available:
            kind = "GPUs" if gpus else "CPU cores"
            raise GraderError(
                f"--workers {workers}: the cluster has {available} {kind}, and each worker takes one.",
                code="too-many-workers",
            )
        return int(gpus > 0), workers

    def _read(self, rows: Mapping[str, Sequence[Any]]) -> list[Grade]:
        if rows["failure"][0]:
            raise EngineDownError(f"On a worker, {rows['failure'][0].rstrip('.')}.")
        self.questions += rows["questions"][0]
        self.prompt_tokens += rows["prompt_tokens"][0]
        self.uncached_tokens += rows["uncached_tokens"][0]
        self.by_process[rows["process"][0]] += len(rows["grade"])
        return [Grade.model_validate_json(grade) for grade in rows["grade"]]
