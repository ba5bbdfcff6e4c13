"""Distribution of tests over the processes of pytest-xdist."""

from typing import Any

from xdist.scheduler import LoadScopeScheduling

GROUPS = {"tests/serving/engines/": "vllm", "tests/grader/test_real_weights.py": "vllm"}
"""Start of a path -> group of the files that share an engine, which takes half a minute to start."""
LONGEST = (
    "vllm",
    "tests/serving/web/browser/test_lost_work.py",
    "tests/test_pipeline.py",
    "tests/grader/service/test_outages.py",
    "tests/serving/web/browser/test_whole_lab.py",
    "tests/training/trainers/test_dpo.py",
    "tests/serving/web/browser/test_every_page.py",
    "tests/serving/store/test_verification.py",
    "tests/serving/web/browser/test_submission_page.py",
    "tests/serving/jobs/test_courses.py",
    "tests/grader/experiments/test_worst_case.py",
    "tests/serving/observing/test_hostile_programs.py",
    "tests/serving/jobs/test_chaos.py",
    "tests/serving/jobs/test_worker.py",
    "tests/serving/api/test_fuzz.py",
    "tests/grader/labels/test_ta_summaries.py",
    "tests/grader/report/test_browser.py",
    "tests/grader/service/test_killed_service.py",
    "tests/serving/api/test_queue_full.py",
    "tests/serving/api/proxy/test_nginx.py",
)
"""Groups and files that took 25 seconds or more. They start first, so that no process waits for them at the end."""


class FileScheduling(LoadScopeScheduling):
    """One process runs all tests of a file, and all tests that share a real engine.

    xdist 3.8's own `--dist loadgroup` has no effect with pytest 9.2, which ignores the renamed tests.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::")[0]
        return next((group for start, group in GROUPS.items() if file.startswith(start)), file)

    def _assign_work_unit(self, node: Any) -> None:
        self.workqueue.move_to_end(min(self.workqueue, key=self._order), last=False)
        super()._assign_work_unit(node)

    def _order(self, scope: str) -> tuple[int, int]:
        return LONGEST.index(scope) if scope in LONGEST else len(LONGEST), -len(self.workqueue[scope])
