"""The zip file of an autograder: scripts, the configuration without secrets, and a placeholder for the API key."""

import json
from collections.abc import Iterator
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

from labs_schema.checks.models import Checks
from labs_schema.errors import InputError, error_issue, quoted
from labs_schema.frozen import Frozen
from labs_schema.grades import highest_total
from labs_schema.hashes import rubric_hash
from labs_schema.models import Lab
from serving.exports.scores import zip_file

PLATFORMS = {"gradescope-autograder": "gradescope", "prairielearn-grader": "prairielearn"}
LONGEST_WAIT = {"gradescope-autograder": 30, "prairielearn-grader": 6}
"""Minutes. The platforms end an autograder after 40 and 10 minutes; checks may take 3, the course's tests 4 of them."""
PLACEHOLDER = "REPLACE-WITH-AN-API-KEY"
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_KEY_CHECK = f"""grep -q {PLACEHOLDER} key.txt && {{
  echo "key.txt has no API key: put the output of 'grader keys create --role platform' into it." >&2
  exit 1
}}
"""
SETUP = f"""#!/usr/bin/env bash
# Runs once, when the image is built.
set -e
cd /autograder/source
{_KEY_CHECK}command -v python3 > /dev/null || {{ apt-get update && apt-get install -y python3 ca-certificates; }}
if [ -f checks.json ]; then
  python=python3
  packages=$(cat packages.txt)
  if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    python=python3.11  # in the package archive of Ubuntu 22.04
    packages="$packages python3.11"
  fi
  apt-get update && apt-get install -y $packages "$python-venv"
  $python -m venv venv && venv/bin/pip install --no-cache-dir -r requirements.txt
fi
if [ -f tests/setup.sh ]; then bash tests/setup.sh; fi
"""
RUN = "#!/usr/bin/env bash\nexec python3 {root}/{folder}/autograde.py {root}\n"


class AutograderRequest(Frozen):
    """`service` is the address of the service without `/grade`. `tests`: the course's own autograder, a folder.

    `checks`: the lab's, which the autograder runs for at most `check_seconds` before the request.
    """

    platform: str
    service: str
    reasoning: bool = True
    tests: Path | None = None
    checks: Checks | None = None
    seconds: int = 300
    check_seconds: int = 180


def autograder_zip(lab: Lab, request: AutograderRequest) -> bytes:
    """The same input gives the same bytes. Raises InputError for an unusable address or tests folder."""
    return zip_file(_members(lab, request), mode=lambda name: 0o755 if _is_program(name) else 0o644)


def _members(lab: Lab, request: AutograderRequest) -> Iterator[tuple[str, str | bytes]]:
    yield "autograde.py", (files(__package__) / "autograde.py").read_text("utf-8")
    yield "config.json", json.dumps(_config(lab, request), indent=1) + "\n"
    yield "key.txt", PLACEHOLDER + "\n"
    if request.checks:
        yield from _observing(lab, request.platform, request.checks)
    if PLATFORMS[request.platform] == "gradescope":
        yield "setup.sh", SETUP
        yield "run_autograder", RUN.format(root="/autograder", folder="source")
        yield from _course_tests(request.tests)
    else:
        yield "run.sh", RUN.format(root="/grade", folder="tests")
        yield (
            "info.json",
            json.dumps({"externalGradingOptions": _OPTIONS | {"timeout": _seconds(request) + 60}}, indent=1),
        )


_OPTIONS = {"enabled": True, "image": "python:3", "entrypoint": "/grade/tests/run.sh", "enableNetworking": True}
"""PrairieLearn's containers have no network by default."""


CODE = ("labs_schema", "serving/observing")
"""The parts of this project that run checks; they import nothing else of it."""
REQUIREMENTS = ("chardet", "defusedxml", "pydantic", "pydantic-settings", "PyYAML", "regex")
_COMPILERS = {
    "C": "gcc libc6-dev", "C++": "g++", "Java": "default-jdk-headless", "JavaScript": "nodejs", "Go": "golang-go",
    "Rust": "rustc",
}  # fmt: skip


def _observing(lab: Lab, platform: str, checks: Checks) -> Iterator[tuple[str, str | bytes]]:
    """The checks and the code that runs them; only root may read them while a program runs."""
    language = checks.build.language or lab.language
    fields = checks.model_dump(mode="json", exclude_defaults=True)
    document = {"platform": PLATFORMS[platform], "language": lab.language, "checks": fields}
    yield "checks.json", json.dumps(document) + "\n"
    yield "packages.txt", f"python3 {_COMPILERS.get(language, '')}\n"
    yield "requirements.txt", "".join(f"{name}=={version(name)}\n" for name in REQUIREMENTS)
    root = Path(str(files("labs_schema"))).parent
    for folder in CODE:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".py", ".yaml", ".txt"):
                yield f"observing/{path.relative_to(root).as_posix()}", path.read_bytes()
    yield "observing/serving/__init__.py", b""


def _seconds(request: AutograderRequest) -> int:
    return request.seconds + (request.check_seconds if request.checks else 0)


def _config(lab: Lab, request: AutograderRequest) -> dict[str, object]:
    return {
        "platform": PLATFORMS[request.platform],
        "service": _checked(request.service),
        "lab": lab.name,
        "maximum": highest_total((each.max_marks, each.bonus) for each in lab.criteria),
        "reasoning": request.reasoning,
        "seconds": request.seconds,
        "check_seconds": request.check_seconds,
        "revision": rubric_hash(lab),
    }


def _checked(service: str) -> str:
    """The key is sent to this address, so it must be https, except on this machine."""
    parts = urlsplit(service)
    secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOCAL)
    if not secure or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise InputError([error_issue("service-address", "--service", found=quoted(service))])
    return service.rstrip("/")


def _course_tests(folder: Path | None) -> Iterator[tuple[str, bytes]]:
    if folder is None:
        return
    if not (folder / "run_autograder").is_file():
        raise InputError([error_issue("no-autograder", folder.name, found="no run_autograder")])
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and "__pycache__" not in path.parts:
            yield f"tests/{path.relative_to(folder).as_posix()}", path.read_bytes()


def _is_program(name: str) -> bool:
    return name.split("/")[-1] == "run_autograder" or name.endswith(".sh")
