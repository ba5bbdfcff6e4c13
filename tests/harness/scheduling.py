"""Distribution of tests over the processes of pytest-xdist."""

from typing import Any

from xdist.scheduler import LoadScopeScheduling

GROUPS = {"tests/serving/engines/": "vllm", "tests/grader/test_real_weights.py": "vllm"}
"""Start of a path -> group of the files that share an engine, which takes half a minute to start."""
LONGEST = (
    "vllm",
    "tests/test_pipeline.py",
    "tests/grader/service/test_outages.py",
    "tests/training/trainers/test_dpo.py",
    "tests/grader/service/test_killed_service.py",
    "tests/serving/jobs/test_courses.py",
    "tests/serving/web/browser/test_every_page.py",
    "tests/serving/web/test_random_walk.py",
    "tests/serving/observing/test_hostile_programs.py",
    "tests/serving/observing/test_observer.py",
    "tests/serving/jobs/test_worker.py",
    "tests/serving/store/test_durability.py",
    "tests/serving/store/test_reviewing_in_a_team.py",
    "tests/serving/api/test_fuzz.py",
    "tests/serving/web/browser/test_whole_lab.py",
    "tests/serving/api/proxy/test_nginx.py",
    "tests/serving/api/test_queue_full.py",
    "tests/training/dataset/test_spool.py",
    "tests/training/run/test_kill_and_resume.py",
    "tests/grader/observe/test_observe_lab.py",
    "tests/training/trainers/test_sft.py",
    "tests/grader/experiments/test_worst_case.py",
    "tests/training/trainers/test_two_processes.py",
    "tests/serving/web/browser/test_submission_page.py",
    "tests/serving/jobs/test_chaos.py",
    "tests/grader/experiments/test_evaluate.py",
    "tests/lab_checks/test_reference_solutions.py",
    "tests/serving/jobs/cli/test_cli_jobs.py",
    "tests/grader/report/test_browser.py",
    "tests/serving/web/browser/test_lost_work.py",
    "tests/serving/jobs/test_state_machine.py",
    "tests/training/dataset/test_build_dataset.py",
    "tests/labs_schema/source/test_lexer.py",
    "tests/serving/jobs/test_missing_labs.py",
    "tests/serving/observing/test_protections.py",
    "tests/serving/lti/test_accepted_launches.py",
    "tests/grader/experiments/test_robustness_series.py",
    "tests/serving/api/routes/test_jobs.py",
    "tests/grader/labels/test_ta_summaries.py",
    "tests/serving/store/test_verification.py",
    "tests/serving/store/test_store.py",
    "tests/serving/store/test_regrade_requests.py",
    "tests/training/dataset/test_soft_labels.py",
    "tests/training/run/test_model_card.py",
)
"""Groups and files that take 12 seconds or more on a busy machine. They start first, so that no process waits for them
at the end."""


class FileScheduling(LoadScopeScheduling):
    """One process runs all tests of a file, and all tests that share a real engine.

    xdist 3.8's own `--dist loadgroup` has no effect with pytest 9.2, which ignores the renamed tests.
    """

    def __init__(self, config: Any, log: Any = None) -> None:
        super().__init__(config, log)
        if missing := [file for file in LONGEST[1:] if not (config.rootpath / file).is_file()]:
            raise ValueError(f"tests/harness/scheduling.py: LONGEST names files that do not exist: {missing}")

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::")[0]
        return next((group for start, group in GROUPS.items() if file.startswith(start)), file)

    def _assign_work_unit(self, node: Any) -> None:
        self.workqueue.move_to_end(min(self.workqueue, key=self._order), last=False)
        super()._assign_work_unit(node)

    def _order(self, scope: str) -> tuple[int, int]:
        return LONGEST.index(scope) if scope in LONGEST else len(LONGEST), -len(self.workqueue[scope])
