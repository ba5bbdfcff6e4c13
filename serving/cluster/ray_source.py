"""A regrade's grades from many models at once: a Ray Data job, a row a submission, over a pool of workers.

Knows no disk: what waits goes in, grades come out as they are done. Ray itself replaces a worker that died and gives
its rows to another.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from labs_schema.errors import GraderError
from labs_schema.grades import Grade
from labs_schema.hashes import rubric_hash, submission_hash
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
"""Submissions that are sent to the cluster at a time: some 50 MB, not all of a course."""


class RaySource:
    """Grades on the cluster at `address` (`local` or `ray://host:port`), in `workers` processes that `load` a model
    each; by default one for every GPU, or two. `on_gpu`: whether a worker takes a GPU, where the cluster has any.

    `load` and what it needs (the package, the model's folder) must be there on every machine under the same path.
    `questions`, `prompt_tokens`, `uncached_tokens` count as a MeteredEngine does; `by_process`: grades of each worker.
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
        """As `GradeSource` says. `labs` are read again for what a worker's death took with it `RetryLimits.failures`
        times: it is tried alone, as often; what still takes the worker with it is ungraded. Labs that are read from
        the disk one by one as they are asked for, are in this process one by one only.

        Raises EngineDownError where there is no cluster, where a worker cannot load or ask its model, and where the
        workers end before they have graded anything; GraderError where the cluster is too small.
        """
        rows, origin = RayRows(labs), None
        with ray_session(self._address, self._workers) as ray:
            for chunk in (self._chunk, 1):
                for grades in self._round(ray, rows, chunk):
                    origin = grades[0].provenance
                    rows.left.difference_update((grade.lab, grade.student) for grade in grades)
                    yield grades
        if rows.left and origin is None:
            raise EngineDownError("Every worker ended before it had graded anything; does the model fit its memory?")
        for lab in rows.waiting():
            for submission in lab.submissions:
                assert origin is not None
                hashes = {"rubric_hash": rubric_hash(lab), "submission_hash": submission_hash(submission)}
                reason = f"the worker that graded it ended, {RetryLimits().failures} times"
                yield [all_ungraded(lab, submission.student, origin.model_copy(update=hashes), reason)]

    def _round(self, ray: Any, rows: RayRows, chunk: int) -> Iterator[list[Grade]]:
        """The grades of what is left, but of what its worker's death took with it. A block is graded together."""
        gpus, workers = self._places(ray.cluster_resources())
        try:
            job, count = None, 0
            for part in rows.parts(PART):
                job, count = job or ray.remote(RayJob).options(num_cpus=0).remote(chunk), count + len(part)
                ray.get(job.add.remote(part))
            if job:  # no more models are loaded than there are blocks for
                sizes = {"workers": min(workers, -(-count // chunk)), "gpus": gpus, "attempts": RetryLimits().failures}
                ray.get(job.start.remote(self._load, rows.rubrics, reasoning=self._reasoning, **sizes))
            while job and (block := ray.get(job.block.remote())):
                yield self._read(block)
        except ray.exceptions.RayError as error:
            cause = getattr(error, "cause", None) or error
            raise EngineDownError(
                f"The cluster's job broke off ({type(cause).__name__}); do its workers start?"
            ) from error
        except ConnectionError as error:
            raise EngineDownError(f"The connection to the cluster at {self._address} was lost.") from error

    def _places(self, has: Mapping[str, float]) -> tuple[int, int]:
        """GPUs a worker, and how many workers. Ray would wait for ever for what the cluster does not have."""
        gpus = int(has.get("GPU", 0)) if self._on_gpu else 0
        room = gpus or int(has.get("CPU", 0))
        workers = self._workers or gpus or min(DEFAULT_WORKERS, room)
        if not 1 <= workers <= room:
            kind = "GPUs" if gpus else "CPU cores"
            raise GraderError(f"--workers {workers}: the cluster has {room} {kind}, and each worker takes one.")
        return int(gpus > 0), workers

    def _read(self, rows: Mapping[str, Sequence[Any]]) -> list[Grade]:
        if rows["failure"][0]:
            raise EngineDownError(f"On a worker, {rows['failure'][0].rstrip('.')}.")
        self.questions += rows["questions"][0]
        self.prompt_tokens += rows["prompt_tokens"][0]
        self.uncached_tokens += rows["uncached_tokens"][0]
        self.by_process[rows["process"][0]] += len(rows["grade"])
        return [Grade.model_validate_json(grade) for grade in rows["grade"]]
