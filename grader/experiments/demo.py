"""The demo: starts the service, grades one submission through `POST /grade` and prints the result."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

import httpx
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from grader.terminal import printable
from labs_schema.errors import GraderError
from labs_schema.limits import DemoLimits
from labs_schema.models import Lab, Submission
from labs_schema.reading.validate import load_lab
from serving.api.schemas.grades import GradedCriterion, GradeResponse

START_SECONDS = DemoLimits().service_start_seconds
NEXT = """Next steps:
  source .venv/bin/activate
  grader grade main.cpp --lab {lab} --model {model}    # grade your own program
  grader regrade {lab} --model {model} --out demo/regraded    # regrade a lab and compare with its TAs
  grader serve --model {model} --labs {labs}    # API docs at http://127.0.0.1:8000/docs
  grader check YOUR_LABS    # validate the labs of your course
  grader label YOUR_LABS/NEW_LAB    # rate twenty programs of a new lab, get the rest"""


def show_one(model: str, lab_folder: Path, student: str, console: Console) -> GradeResponse:
    """Serves `model` with the labs next to `lab_folder`, posts the submission of `student` and prints its grade.

    Raises GraderError if the student is unknown or the service does not start.
    """
    lab = load_lab(lab_folder)
    submission = next((s for s in lab.submissions if s.student == student), None)
    if submission is None:
        raise GraderError(
            f"{lab_folder} has no submission of {student}. Choose another student with --student.",
            code="unknown-student",
        )
    body: dict[str, object] = {
        "lab": lab.name,
        "submission": {"files": [{"filename": f.path, "content": f.text} for f in submission.files]},
    }
    if submission.observations:
        fields = {"source", "tools", "results"}
        body["observations"] = submission.observations.model_dump(mode="json", include=fields, exclude_defaults=True)
    with running_service(model, lab_folder.parent, console) as url:
        started = time.monotonic()
        answer = httpx.post(f"{url}/grade", json=body, timeout=START_SECONDS)
        if answer.is_error:
            raise GraderError(
                f"POST {url}/grade answered {answer.status_code}: {answer.text[:500]}", code="service-refused"
            )
        seconds = time.monotonic() - started
    for file in submission.files:
        code = "\n".join(printable(line.expandtabs(4)) for line in file.text.splitlines())
        console.print(Syntax(code, lab.language.lower(), line_numbers=True), Text(printable(file.path), style="dim"))
    response = GradeResponse.model_validate_json(answer.content)
    console.print(answer_table(response, lab, submission))
    reasons = sorted({reason for row in response.criteria for reason in row.review_reasons})
    console.print(f"Needs review: {', '.join(reasons)}.", highlight=False)
    console.print(f"POST {url}/grade answered in {seconds:.2f} s", highlight=False)
    console.print(NEXT.format(model=model, lab=lab_folder, labs=lab_folder.parent), highlight=False, soft_wrap=True)
    return response


@contextmanager
def running_service(model: str, labs: Path, console: Console) -> Iterator[str]:
    """Starts the service as a process and yields its URL once `/readyz` succeeds; stops it at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "grader", "serve", "--model", model, "--labs", str(labs), "--port", str(port)]
    url = f"http://127.0.0.1:{port}"
    with (
        TemporaryDirectory(prefix="grader-demo-") as folder,
        TemporaryFile() as log,
        subprocess.Popen(command, stdout=log, stderr=log, env=_temporary_store(folder)) as service,
    ):
        try:
            with console.status("starting the service"):
                _wait_until_ready(service, url)
            yield url
        except GraderError as error:
            log.seek(0)
            raise GraderError(f"{error}\n{log.read().decode(errors='replace')[-2000:]}", code=error.code) from None
        finally:
            service.terminate()


def _temporary_store(folder: str) -> dict[str, str]:
    """The environment with a temporary store: the demo must not write to the user's store or need its API keys."""
    return {**os.environ, "GRADER_STORE": f"sqlite:///{Path(folder).resolve()}/store.db"}


def _wait_until_ready(service: "subprocess.Popen[bytes]", url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if service.poll() is not None:
            raise GraderError("The service exited before it was ready. Its output:", code="service-not-ready")
        try:
            if httpx.get(f"{url}/readyz", timeout=START_SECONDS).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise GraderError(f"The service was not ready after {START_SECONDS:.0f} s. Its output:", code="service-not-ready")


def answer_table(answer: GradeResponse, lab: Lab, submission: Submission) -> Table:
    """One row per criterion: the rating, its confidence, the TA's rating and the marks."""
    given = lab.ratings_by_student.get(submission.student, {})
    total = f"{answer.points:g}" if answer.points is not None else "?"
    table = Table(title=f"{lab.name}, {submission.student}", title_justify="left", box=SIMPLE_HEAD, show_footer=True)
    table.add_column("Criterion", footer="Total", ratio=3)
    table.add_column("Rating", ratio=4)
    table.add_column("Prob.", justify="right")
    table.add_column("TA")
    table.add_column("Marks", justify="right", no_wrap=True, footer=f"{total} / {answer.max_points or 0:g}")
    table.add_column("Status")
    for row in answer.criteria:
        table.add_row(*_cells(row, given.get(row.id, "-")))
    return table


def _cells(row: GradedCriterion, given: str) -> tuple[str | Text, ...]:
    rating = f"{row.rating.id}  {row.rating.description}" if row.rating else f"ungraded: {row.ungraded}"
    confidence = "" if row.confidence is None else f"{row.confidence:.2f}"
    points = "?" if row.points is None else f"{row.points:g}"
    points = "" if row.max_points is None else f"{points} / {row.max_points:g}"
    status = Text(row.status.replace("_", " "), style="green" if row.status == "accepted" else "yellow")
    return Text(printable(row.title)), Text(printable(rating)), confidence, Text(printable(given)), points, status
