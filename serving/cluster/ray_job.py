"""The Ray Data job: rows of submissions over a pool of workers. Runs in a process of the cluster, as Ray Data cannot be
driven through a client's connection; whoever asks takes block after block from it."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from labs_schema.limits import RetryLimits
from serving.cluster.ray_worker import RayWorker
from serving.grading.grader import Grader

SETTINGS = {"OMP_NUM_THREADS": "1", "VLLM_ENABLE_V1_MULTIPROCESSING": "0"}
"""Of a worker's process: one thread and no child, since there is a worker for every core or GPU."""


class RayJob:
    """`chunk`: rows that are graded together, a block. First rows are added, then the job is started, then blocks come.

    The rows wait in the cluster's object store, which writes to the disk what does not fit its memory.
    """

    def __init__(self, chunk: int) -> None:
        import ray.data

        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.max_errored_blocks = -1
        self._chunk, self._parts = chunk, list[Any]()
        self._blocks: Iterator[Any] = iter(())

    def add(self, rows: Sequence[Mapping[str, str]]) -> None:
        import ray.data

        blocks = -(-len(rows) // self._chunk)
        self._parts.append(ray.data.from_items(list(rows), override_num_blocks=blocks))

    def start(
        self,
        load: Callable[[], Grader],
        labs: Mapping[str, str],
        *,
        reasoning: bool,
        workers: int,
        gpus: int,
        attempts: int,
    ) -> None:
        """`gpus` of each of `workers`; `load`, `labs` and `reasoning` as `RayWorker` takes them. What dies with its
        worker `attempts` times is left out."""
        import ray.data

        pool = ray.data.ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=1)
        first, *others = self._parts
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # 2.60 warns of the only way to say how often Ray tries
            graded = (first.union(*others) if others else first).map_batches(
                RayWorker,
                batch_size=None,
                fn_constructor_args=(load, labs),
                fn_constructor_kwargs={"reasoning": reasoning},
                compute=pool,
                num_cpus=1,
                num_gpus=gpus,
                runtime_env={"env_vars": SETTINGS},
                ray_remote_args_fn=lambda: {
                    "max_restarts": RetryLimits().worker_restarts,
                    "max_task_retries": attempts - 1,
                },
            )
        self._blocks = iter(graded.iter_batches(batch_size=None, batch_format="pyarrow"))

    def block(self) -> dict[str, list[Any]] | None:
        """The next one that is done, in any order; None when all are. Raises what Ray raises."""
        found = next(self._blocks, None)
        return None if found is None else found.to_pydict()
