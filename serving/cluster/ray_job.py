"""The Ray Data job: rows of submissions over a pool of workers. Runs in a process of the cluster, as Ray Data cannot be
driven through a client's connection; whoever asks takes block after block from it."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from serving.cluster.ray_worker import RayWorker
from serving.grading import Grader

SETTINGS = {"OMP_NUM_THREADS": "1", "VLLM_ENABLE_V1_MULTIPROCESSING": "0"}
"""Of a worker's process: one thread and no child, since there is a worker for every core or GPU."""
RESTARTS = 20
"""How often one worker is replaced: a machine may be taken away often, a model that kills its process must not loop."""


class RayJob:
    """`blocks`: the rows that are graded together. What dies with its worker `tries` times is left out.

    `gpus` of each of `workers`; `load`, `labs` and `reasoning` as `RayWorker` takes them.
    """

    def __init__(
        self,
        rows: Sequence[Mapping[str, str]],
        load: Callable[[], Grader],
        labs: Mapping[str, str],
        *,
        reasoning: bool,
        blocks: int,
        workers: int,
        gpus: int,
        tries: int,
    ) -> None:
        import ray.data

        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.max_errored_blocks = -1
        pool = ray.data.ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # 2.60 warns of the only way to say how often Ray tries
            graded = ray.data.from_items(list(rows), override_num_blocks=blocks).map_batches(
                RayWorker,
                batch_size=None,
                fn_constructor_args=(load, labs),
                fn_constructor_kwargs={"reasoning": reasoning},
                compute=pool,
                num_cpus=1,
                num_gpus=gpus,
                runtime_env={"env_vars": SETTINGS},
                ray_remote_args_fn=lambda: {"max_restarts": RESTARTS, "max_task_retries": tries - 1},
            )
        self._blocks: Iterator[Any] = iter(graded.iter_batches(batch_size=None, batch_format="pyarrow"))

    def block(self) -> dict[str, list[Any]] | None:
        """The next one that is done, in any order; None when all are. Raises what Ray raises."""
        found = next(self._blocks, None)
        return None if found is None else found.to_pydict()
