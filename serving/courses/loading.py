"""Opens a course's model with the service's engine."""

from collections.abc import Callable
from typing import Any

from labs_schema.errors import ModelError
from labs_schema.limits import CourseLimits
from serving.courses.checking import find_registered
from serving.courses.course_registry import Registration
from serving.courses.errors import CourseRefusedError
from serving.courses.model_pool import CheckedModel
from serving.engines.adapters import SharedBases
from serving.engines.engine_choice import EngineName, choose_engine
from serving.engines.vllm_platform import has_gpu
from serving.grading.grader import Grader
from serving.model.folder import FoundModel
from serving.model.loading import GraderOptions, open_grader, uses_adapters


class CourseLoader:
    """`adapters`: whether adapters are loaded onto a shared base; by default if the engine does that quickly."""

    def __init__(
        self,
        options: GraderOptions,
        *,
        adapters: bool | None = None,
        watched: Callable[[Grader], Grader] | None = None,
    ) -> None:
        self._options, self._watched = options, watched
        self._adapters = uses_adapters(options.engine) if adapters is None else adapters
        self._bases: SharedBases[Any] = SharedBases()

    def check(self, registration: Registration) -> CheckedModel:
        """Raises CourseRefusedError if the model differs from its registration."""
        found = find_registered(registration, adapters=self._adapters)
        base = found.hashes[0] if found.model.adapter else f"{registration.model} {found.hashes[1]}"
        return CheckedModel(base, lambda: self._open(registration, found))

    def _open(self, registration: Registration, found: FoundModel) -> Grader:
        try:
            grader = open_grader(found, self._options, bases=self._bases, skip_other_models=True)
        except ModelError as error:
            raise CourseRefusedError(registration.course, "no engine here can load it", str(error)) from error
        return self._watched(grader) if self._watched else grader


def default_bases(engine: EngineName) -> int:
    """The number of base models to load: one fills a GPU, two fit in most machines' memory, servers load their own."""
    limits = CourseLimits()
    if choose_engine(engine) == "http":
        return limits.bases_on_servers
    return limits.bases_on_gpu if has_gpu() else limits.bases_on_cpu
