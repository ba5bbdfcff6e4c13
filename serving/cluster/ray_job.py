"""The Ray Data job: rows of submissions over a pool of workers.

It runs in a process of the cluster, because Ray Data cannot be driven through a Ray client connection.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from labs_schema.limits import RetryLimits
from serving.cluster.ray_worker import RayWorker
from serving.grading.grader import Grader

SETTINGS = {"OMP_NUM_THREADS": "1", "VLLM_ENABLE_V1_MULTIPROCESSING": "0"}
"""The environment of a worker: one thread and no child process, as there is a worker for every core or GPU."""


class RayJob:
    """Call `add`, then `start`, then `block` until it returns None. `chunk`: rows of a block, which is graded together.

    The rows wait in the cluster's object store, which spills to disk.
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
        """Starts `workers` workers with `gpus` each; `load`, `labs` and `reasoning` are those of `RayWorker`.

        A block whose worker dies `attempts` times is left out.
        """
        import ray.data

        pool = ray.data.ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=1)
        first, *others = self._parts
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Ray 2.60 warns about the only way to set its retries
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
        """The next graded block, in any order; None after the last. Raises what Ray raises."""
        found = next(self._blocks, None)
        return None if found is None else found.to_pydict()
