"""The zip file of an autograder: scripts, the configuration without secrets, and a placeholder for the API key."""

import io
import json
import zipfile
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

from labs_schema.errors import InputError, error_issue, quoted
from labs_schema.frozen import Frozen
from labs_schema.grades import highest_total
from labs_schema.hashes import rubric_hash
from labs_schema.models import Lab

PLATFORMS = {"gradescope-autograder": "gradescope", "prairielearn-grader": "prairielearn"}
PLACEHOLDER = "REPLACE-WITH-AN-API-KEY"
FIXED_TIME = (2000, 1, 1, 0, 0, 0)
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
if [ -f tests/setup.sh ]; then bash tests/setup.sh; fi
"""
RUN = "#!/usr/bin/env bash\nexec python3 {root}/{folder}/autograde.py {root}\n"


class AutograderRequest(Frozen):
    """`service` is the address of the service without `/grade`. `tests`: the course's own autograder, a folder."""

    platform: str
    service: str
    reasoning: bool = True
    tests: Path | None = None
    seconds: int = 300


def autograder_zip(lab: Lab, request: AutograderRequest) -> bytes:
    """The same input gives the same bytes. Raises InputError for an unusable address or tests folder."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in _members(lab, request):
            info = zipfile.ZipInfo(name, FIXED_TIME)
            info.external_attr = (0o100755 if _is_program(name) else 0o100644) << 16
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _members(lab: Lab, request: AutograderRequest) -> Iterator[tuple[str, str | bytes]]:
    yield "autograde.py", (files(__package__) / "autograde.py").read_text("utf-8")
    yield "config.json", json.dumps(_config(lab, request), indent=1) + "\n"
    yield "key.txt", PLACEHOLDER + "\n"
    if PLATFORMS[request.platform] == "gradescope":
        yield "setup.sh", SETUP
        yield "run_autograder", RUN.format(root="/autograder", folder="source")
        yield from _course_tests(request.tests)
    else:
        yield "run.sh", RUN.format(root="/grade", folder="tests")
        yield (
            "info.json",
            json.dumps({"externalGradingOptions": _OPTIONS | {"timeout": request.seconds + 60}}, indent=1),
        )


_OPTIONS = {"enabled": True, "image": "python:3", "entrypoint": "/grade/tests/run.sh", "enableNetworking": True}
"""PrairieLearn's containers have no network by default."""


def _config(lab: Lab, request: AutograderRequest) -> dict[str, object]:
    return {
        "platform": PLATFORMS[request.platform],
        "service": _checked(request.service),
        "lab": lab.name,
        "maximum": highest_total((each.max_marks, each.bonus) for each in lab.criteria),
        "reasoning": request.reasoning,
        "seconds": request.seconds,
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
    return name.split("/")[-1] in ("run_autograder", "setup.sh", "run.sh") or name.endswith(".sh")
