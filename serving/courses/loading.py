"""Opens a course's model with the service's engine. The only file here that knows which engines there are."""

from collections.abc import Callable
from typing import Any

from labs_schema.errors import ModelError
from serving.courses.checking import find_registered
from serving.courses.errors import CourseRefusedError
from serving.courses.model_pool import Checked
from serving.courses.registration import Registration
from serving.engines.adapters import SharedBases
from serving.engines.engine_choice import EngineName, choose_engine
from serving.engines.vllm_platform import has_gpu
from serving.grading.grader import Grader
from serving.model.folder import FoundModel
from serving.model.loading import GraderOptions, open_grader, uses_adapters

ON_CPU, ON_GPU, ELSEWHERE = 2, 1, 1000


class CourseLoader:
    """`adapters`: whether the engine puts adapters on their base; by default where that is quick."""

    def __init__(
        self,
        engine: EngineName = "auto",
        *,
        orders: int | None = None,
        adapters: bool | None = None,
        dtype: str = "bfloat16",
        watched: Callable[[Grader], Grader] | None = None,
    ) -> None:
        self._engine, self._orders, self._dtype, self._watched = engine, orders, dtype, watched
        self._adapters = uses_adapters(engine) if adapters is None else adapters
        self._bases: SharedBases[Any] = SharedBases()

    def check(self, registration: Registration) -> Checked:
        """Raises CourseRefusedError where the model is not what was registered."""
        found = find_registered(registration, adapters=self._adapters)
        base = found.hashes[0] if found.model.adapter else f"{registration.model} {found.hashes[1]}"
        return Checked(base, lambda: self._open(registration, found))

    def _open(self, registration: Registration, found: FoundModel) -> Grader:
        try:
            options = GraderOptions(engine=self._engine, orders=self._orders, dtype=self._dtype)
            grader = open_grader(found, options, bases=self._bases, skip_other_models=True)
        except ModelError as error:
            raise CourseRefusedError(registration.course, "no engine here can load it", str(error)) from error
        return self._watched(grader) if self._watched else grader


def most_at_once(engine: EngineName) -> int:
    """How many bases this machine should hold: one fills a GPU, two fit beside each other in most machines' memory,
    and servers elsewhere hold their own."""
    if choose_engine(engine) == "http":
        return ELSEWHERE
    return ON_GPU if has_gpu() else ON_CPU
