"""A service whose engine takes `SECONDS` for a call. Prints its port, then a line for each call.

python -m tests.harness.processes.slow_service STORE_URL SECONDS
"""

import sys
import time
from typing import Any

from serving.api.app import create_app
from serving.api.server import server
from serving.courses.lab_registry import LabRegistry
from serving.courses.served import OneCourse
from serving.scheduler.engine_thread import EngineThread
from serving.store.store import open_store
from tests.harness.processes.service_process import synthetic_grader


def main() -> None:
    app = create_app(EngineThread(_slow), OneCourse("course", LabRegistry()), open_store(sys.argv[1]))

    def report() -> None:
        print(http.servers[0].sockets[0].getsockname()[1], flush=True)  # noqa: T201

    http = server(app, app.state.service.stopping, 5, report)
    http.config.port = 0
    http.run()


def _slow() -> Any:
    grader = synthetic_grader(0)
    at_once = grader.grade_each

    def grade_each(work: Any, **given: Any) -> Any:
        print("called", flush=True)  # noqa: T201
        time.sleep(float(sys.argv[2]))
        return at_once(work, **given)

    grader.grade_each = grade_each
    return grader


if __name__ == "__main__":
    main()
