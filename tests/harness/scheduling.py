"""Distribution of tests over the processes of pytest-xdist."""

from typing import Any

from xdist.scheduler import LoadScopeScheduling

GROUPS = {"tests/serving/engines/": "vllm", "tests/grader/test_real_weights.py": "vllm"}
"""Start of a path -> group of the files that share an engine, which takes half a minute to start."""
LONGEST = (
    "vllm",
    "tests/test_pipeline.py",
    "tests/serving/web/browser/test_every_page.py",
    "tests/grader/service/test_outages.py",
    "tests/training/trainers/test_dpo.py",
    "tests/serving/api/test_fuzz.py",
    "tests/serving/api/proxy/test_nginx.py",
    "tests/serving/jobs/test_courses.py",
    "tests/serving/observing/test_hostile_programs.py",
    "tests/serving/web/test_random_walk.py",
    "tests/serving/jobs/test_worker.py",
    "tests/serving/observing/test_observer.py",
    "tests/serving/observing/test_protections.py",
    "tests/training/run/test_kill_and_resume.py",
    "tests/training/trainers/test_two_processes.py",
    "tests/serving/web/browser/test_whole_lab.py",
    "tests/grader/report/test_browser.py",
    "tests/labs_schema/source/test_lexer.py",
    "tests/serving/store/test_reviewing_in_a_team.py",
    "tests/grader/service/test_killed_service.py",
    "tests/serving/store/test_verification.py",
    "tests/grader/experiments/test_worst_case.py",
    "tests/serving/store/test_regrade_requests.py",
    "tests/serving/web/browser/test_submission_page.py",
    "tests/serving/jobs/test_chaos.py",
    "tests/serving/web/browser/test_lost_work.py",
    "tests/grader/regrade/test_killed_regrade.py",
    "tests/serving/store/test_idempotency.py",
    "tests/serving/observer/test_queue.py",
    "tests/serving/store/test_durability.py",
    "tests/serving/deliveries/test_killed_sender.py",
    "tests/serving/jobs/cli/test_cli_jobs.py",
    "tests/serving/jobs/test_state_machine.py",
    "tests/serving/store/test_circuit_breaker.py",
)
"""Groups and files that take 8 seconds or more. They start first, so that no process waits for them at the end."""


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
