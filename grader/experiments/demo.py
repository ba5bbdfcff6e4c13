"""One submission through the real service: start it, post to `POST /grade`, show the answer, stop it."""

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
from labs_schema.models import Lab, Submission
from labs_schema.reading.validate import load_lab
from serving.api.schemas.grades import GradedCriterion, GradeResponse

START_SECONDS = 180.0
NEXT = """What to type next:
  source .venv/bin/activate
  grader grade main.cpp --lab {lab} --model {model}    # a program of your own
  grader regrade {lab} --model {model} --out demo/regraded    # a whole lab, beside its TAs
  grader serve --model {model} --labs {labs}    # then open http://127.0.0.1:8000/docs
  grader check YOUR_LABS    # are the labs of your course ready?"""


def show_one(model: str, lab_folder: Path, student: str, console: Console) -> None:
    """Serves `model` with the labs beside `lab_folder`, posts the work of `student` and prints what comes back.

    Raises GraderError where the student is unknown or the service does not start.
    """
    lab = load_lab(lab_folder)
    work = next((s for s in lab.submissions if s.student == student), None)
    if work is None:
        raise GraderError(f"{lab_folder} has no submission of {student}. Name another with --student.")
    body = {"lab": lab.name, "submission": {"files": [{"filename": f.path, "content": f.text} for f in work.files]}}
    with running_service(model, lab_folder.parent, console) as url:
        begun = time.monotonic()
        answer = httpx.post(f"{url}/grade", json=body, timeout=START_SECONDS)
        if answer.is_error:
            raise GraderError(f"POST {url}/grade answered {answer.status_code}: {answer.text[:500]}")
        seconds = time.monotonic() - begun
    for file in work.files:
        code = "\n".join(printable(line.expandtabs(4)) for line in file.text.splitlines())
        console.print(Syntax(code, lab.language.lower(), line_numbers=True), Text(printable(file.path), style="dim"))
    response = GradeResponse.model_validate_json(answer.content)
    console.print(answer_table(response, lab, work))
    reasons = sorted({reason for row in response.criteria for reason in row.review_reasons})
    console.print(f"A person should look because: {', '.join(reasons)}.", highlight=False)
    console.print(f"POST {url}/grade answered in {seconds:.2f} s", highlight=False)
    console.print(NEXT.format(model=model, lab=lab_folder, labs=lab_folder.parent), highlight=False, soft_wrap=True)


@contextmanager
def running_service(model: str, labs: Path, console: Console) -> Iterator[str]:
    """The address of a service of its own process that has answered `/readyz`; stopped in the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "grader", "serve", "--model", model, "--labs", str(labs), "--port", str(port)]
    url = f"http://127.0.0.1:{port}"
    with (
        TemporaryDirectory(prefix="grader-demo-") as folder,
        TemporaryFile() as log,
        subprocess.Popen(command, stdout=log, stderr=log, env=_own_store(folder)) as service,
    ):
        try:
            with console.status("starting the service"):
                _wait_until_ready(service, url)
            yield url
        except GraderError as error:
            log.seek(0)
            raise GraderError(f"{error}\n{log.read().decode(errors='replace')[-2000:]}") from None
        finally:
            service.terminate()


def _own_store(folder: str) -> dict[str, str]:
    """What is shown here is no part of the user's record, nor asks for its keys."""
    return {**os.environ, "GRADER_STORE": f"sqlite:///{Path(folder).resolve()}/store.db"}


def _wait_until_ready(service: "subprocess.Popen[bytes]", url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if service.poll() is not None:
            raise GraderError("The service ended before it was ready. It printed:")
        try:
            if httpx.get(f"{url}/readyz", timeout=START_SECONDS).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise GraderError(f"The service was not ready after {START_SECONDS:.0f} s. It printed:")


def answer_table(answer: GradeResponse, lab: Lab, work: Submission) -> Table:
    """A row a criterion: the rating chosen, how sure the model is, what the TA gave, and the marks."""
    given = lab.ratings_given.get(work.student, {})
    total = f"{answer.points:g}" if answer.points is not None else "?"
    table = Table(title=f"{lab.name}, {work.student}", title_justify="left", box=SIMPLE_HEAD, show_footer=True)
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
    sure = "" if row.confidence is None else f"{row.confidence:.2f}"
    points = "?" if row.points is None else f"{row.points:g}"
    points = "" if row.max_points is None else f"{points} / {row.max_points:g}"
    status = Text(row.status.replace("_", " "), style="green" if row.status == "accepted" else "yellow")
    return Text(printable(row.title)), Text(printable(rating)), sure, Text(printable(given)), points, status
