"""Sends a submission to the grading service and writes the platform's results file.

This file is copied into autograders and runs in the platform's container: only Python's standard library, 3.10 or
later, and no import of this project.
"""

import base64
import contextlib
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PLACEHOLDER = "REPLACE-WITH-AN-API-KEY"
LARGEST_FILE, LARGEST_ARCHIVE, MOST_FILES = 1_000_000, 4_000_000, 500
RETRIED = (429, 500, 502, 503, 504)
WAITING = "Your submission is saved, but it could not be graded automatically yet. You do not need to submit it again."
UNREADABLE = "No readable program was found in your submission. Check the files that you submitted."
REVIEW = "The course staff reviews this result."
Json = dict[str, Any]


class NotGradedError(Exception):
    """`reason` is for the staff. `student_note` is shown to the student."""

    def __init__(self, reason: str, student_note: str = WAITING) -> None:
        super().__init__(reason)
        self.reason, self.student_note = reason, student_note


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """The key is sent to the configured address only."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def main(root: Path) -> None:
    """`root` is the platform's folder: `/autograder` of Gradescope, `/grade` of PrairieLearn."""
    config = json.loads((HERE / "config.json").read_text("utf-8"))
    platform = PLATFORMS[config["platform"]](root)
    submission, metadata = platform.read()
    platform.write(waiting(config, NotGradedError("The autograder was stopped before it had an answer.")))
    try:
        key = read_key()
        observations, unobserved = observed(config, submission)
        grade = request_grade(config, key, submission, metadata, observations)
    except NotGradedError as problem:
        results = waiting(config, problem)
    else:
        results = graded(grade, metadata, unobserved)
    platform.write(results)
    platform.finish()


def read_key() -> str:
    key = (HERE / "key.txt").read_text("utf-8").strip()
    if not key or key == PLACEHOLDER:
        raise NotGradedError(
            "key.txt has no API key. Put a key of the role 'platform' into it, and upload the zip again."
        )
    return key


def observed(config: Json, submission: Path) -> tuple[Json | None, str]:
    """The outcomes of the course's checks, or the reason why there are none: both empty if it has no checks here.

    They are run by programs of this folder, which isolate the student's program, or run nothing.
    """
    checks, code = HERE / "checks.json", HERE / "observing"
    if not checks.is_file():
        return None, ""
    own = HERE / "venv" / "bin" / "python"
    command = [str(own) if own.exists() else "python3", "-m", "serving.observing.container"]
    environment = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(code), "HOME": "/nonexistent"}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "observations.json"
        try:
            subprocess.run(
                [*command, str(checks), str(submission), str(out)],
                cwd=folder,
                env=environment,
                timeout=config["check_seconds"],
                check=True,
                stdin=subprocess.DEVNULL,
            )
            found = json.loads(out.read_text("utf-8"))
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            return None, f"The checks could not be run ({type(error).__name__})."
    if "failure" in found:
        return None, f"The checks could not be run: {found['failure']}"
    return found, ""


def request_grade(config: Json, key: str, submission: Path, metadata: Json, observations: Json | None) -> Json:
    """Repeats the request until there is an answer or `config["seconds"]` have passed. Raises NotGradedError."""
    archive = packed(submission)
    body = {
        "lab": config["lab"],
        "submission": {"archive": {"filename": "submission.zip", "content": base64.b64encode(archive).decode()}},
        "reasoning": config["reasoning"],
    }
    if metadata["student"]:
        body["student"] = metadata["student"]
    if observations is not None:
        body["observations"] = observations
    data = json.dumps(body).encode()
    once = hashlib.sha256(f"{config['revision']} {metadata['id']}".encode() + data).hexdigest()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Idempotency-Key": once}
    request = urllib.request.Request(f"{config['service']}/grade", data, headers, method="POST")
    opener = urllib.request.build_opener(NoRedirects)
    end, pause = time.monotonic() + config["seconds"], 1.0
    while True:
        grade, problem, wait = answered(opener, request, max(1.0, min(120.0, end - time.monotonic())))
        if grade is not None:
            return grade
        wait = max(wait, pause)
        if time.monotonic() + wait > end:
            raise NotGradedError(problem)
        time.sleep(wait)
        pause = min(2 * pause, 30.0)


def answered(
    opener: urllib.request.OpenerDirector, request: urllib.request.Request, seconds: float
) -> tuple[Json | None, str, float]:
    """The grade, or the problem and the seconds that the service requests to wait. Raises NotGradedError."""
    try:
        with opener.open(request, timeout=seconds) as response:
            return json.loads(response.read(5_000_000)), "", 0.0
    except urllib.error.HTTPError as error:
        text = error.read(2_000).decode("utf-8", "replace")
        if error.code == 422 and "unreadable-submission" in text:
            raise NotGradedError(f"No readable program: {text}", UNREADABLE) from None
        if error.code not in RETRIED:
            raise NotGradedError(f"The service answered with HTTP {error.code}: {text}") from None
        stated = error.headers.get("Retry-After") or ""
        return None, f"The service answered with HTTP {error.code}.", float(stated) if stated.isdigit() else 0.0
    except (OSError, ValueError) as error:
        return None, f"The service could not be reached ({type(error).__name__}).", 0.0


def packed(folder: Path) -> bytes:
    """The regular files as a zip archive; links are left out, as are files past the limits."""
    out, count = io.BytesIO(), 0
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for top, folders, files in os.walk(str(folder)):
            folders[:] = sorted(each for each in folders if not (Path(top) / each).is_symlink() and each != ".git")
            for name in sorted(files):
                path = Path(top) / name
                small = path.is_file() and not path.is_symlink() and path.stat().st_size <= LARGEST_FILE
                if small and count < MOST_FILES and out.tell() < LARGEST_ARCHIVE:
                    info = zipfile.ZipInfo(str(path.relative_to(folder)), (2000, 1, 1, 0, 0, 0))
                    archive.writestr(info, path.read_bytes(), zipfile.ZIP_DEFLATED)
                    count += 1
    if not count:
        raise NotGradedError("The submission has no file.", UNREADABLE)
    return out.getvalue()


def graded(grade: Json, metadata: Json, unobserved: str = "") -> Json:
    """The neutral results that a platform's writer turns into its file."""
    return {
        "criteria": grade["criteria"],
        "note": "",
        "reason": unobserved,
        "maximum": grade["max_points"],
        "data": {"grade_id": grade["grade_id"], "provenance": grade["provenance"], "users": metadata["users"]},
    }


def waiting(config: Json, problem: NotGradedError) -> Json:
    return {
        "criteria": [],
        "note": problem.student_note,
        "reason": problem.reason,
        "maximum": config["maximum"],
        "data": {"state": "not graded"},
    }


def explained(criterion: Json) -> str:
    rating = criterion["rating"]
    if rating is None:
        return f"Not graded: {criterion['ungraded']}"
    return "\n".join(
        each for each in (f"{rating['id']}: {rating['description']}", criterion["reasoning"] or "") if each
    )


def replace(path: Path, document: Json) -> None:
    """Never a half-written file: the platform may stop the container at any time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(document, ensure_ascii=False, allow_nan=False), encoding="utf-8")
    partial.replace(path)


class Gradescope:
    """https://gradescope-autograders.readthedocs.io: /autograder/results/results.json."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self) -> tuple[Path, Json]:
        try:
            found = json.loads((self.root / "submission_metadata.json").read_text("utf-8"))
        except (OSError, ValueError):
            found = {}
        users = [str(each.get("email") or each.get("id")) for each in found.get("users") or []]
        student = users[0] if users else ""
        return self.root / "submission", {"id": str(found.get("id", "")), "student": student, "users": users}

    def write(self, results: Json) -> None:
        """Hidden entries also hide the total, so that no student sees a sum without what is not graded."""
        criteria = results["criteria"]
        tests: list[Json] = [self._test(number, each) for number, each in enumerate(criteria, start=1)]
        if results["note"]:
            tests.append({"name": "Grading", "output": results["note"], "status": "failed", "visibility": "visible"})
        if criteria and results["reason"]:
            tests.append({"name": "Checks", "output": results["reason"], "status": "failed", "visibility": "hidden"})
        if not criteria or any(each["points"] is None for each in criteria):
            # Gradescope refuses results without any score. This entry is for the staff and stands for no grade.
            reason = results["reason"] or "At least one criterion has no points."
            maximum = 0 if criteria else results["maximum"] or 1
            tests.append(
                {"name": "Not graded", "score": 0, "max_score": maximum, "output": reason, "visibility": "hidden"}
            )
        document = {
            "tests": tests,
            "visibility": "hidden",
            "stdout_visibility": "hidden",
            "extra_data": results["data"],
        }
        replace(self.root / "results" / "results.json", document)

    def finish(self) -> None:
        run_course_tests(self.root, 240.0)

    def _test(self, number: int, criterion: Json) -> Json:
        accepted = criterion["status"] == "accepted" and criterion["rating"] is not None
        test: Json = {
            "name": criterion["title"],
            "number": str(number),
            "output": explained(criterion),
            "output_format": "text",
            "visibility": "after_published" if accepted else "hidden",
            "extra_data": {key: criterion[key] for key in ("confidence", "status", "review_reasons", "label_mass")},
        }
        if criterion["points"] is not None:
            test["score"] = criterion["points"]
        else:
            test["status"] = "passed" if criterion["rating"] else "failed"
        if criterion["max_points"] is not None:
            test["max_score"] = criterion["max_points"]
        return test


class PrairieLearn:
    """https://prairielearn.readthedocs.io, external graders: /grade/results/results.json."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self) -> tuple[Path, Json]:
        return self.root / "student", {"id": "", "student": "", "users": []}

    def write(self, results: Json) -> None:
        criteria, maximum = results["criteria"], results["maximum"]
        accepted = bool(criteria) and all(each["status"] == "accepted" and each["rating"] for each in criteria)
        if not accepted or not maximum:
            replace(self.root / "results" / "results.json", {
                "gradable": False,
                "format_errors": [results["note"] or REVIEW],
                "message": results["note"] or REVIEW,
            })  # fmt: skip
            return
        tests = [
            {
                "name": each["title"],
                "points": each["points"],
                "max_points": each["max_points"],
                "output": explained(each),
            }
            for each in criteria
        ]
        total = sum(each["points"] for each in criteria)
        score = min(1.0, max(0.0, total / maximum))
        replace(self.root / "results" / "results.json", {"gradable": True, "score": score, "tests": tests})

    def finish(self) -> None:
        """The course's tests are another question's grader on this platform."""


def run_course_tests(root: Path, seconds: float) -> None:
    """Runs the course's own autograder and adds its tests. The key is removed before, the results are restored after:
    students' programs may read and write all files.
    """
    script, results = HERE / "tests" / "run_autograder", root / "results" / "results.json"
    if not script.is_file():
        return
    saved = results.read_bytes()
    (HERE / "key.txt").unlink()
    process = subprocess.Popen([str(script)], cwd=str(root), start_new_session=True)
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        pass
    finally:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)  # also what the program left running
    document = json.loads(saved)
    document["tests"] += [] if results.read_bytes() == saved else written_tests(results)
    replace(results, document)


def written_tests(results: Path) -> list[Json]:
    """The tests of the results.json of another autograder; none if it wrote none."""
    try:
        tests = json.loads(results.read_text("utf-8"))["tests"]
        return [each for each in tests if isinstance(each, dict)]
    except (OSError, ValueError, KeyError, TypeError):
        return []


PLATFORMS: dict[str, type[Gradescope | PrairieLearn]] = {"gradescope": Gradescope, "prairielearn": PrairieLearn}

if __name__ == "__main__":
    main(Path(sys.argv[1]))
