"""The command that runs the course's pytest files next to a student's program, and reports in JUnit XML.

The program shares the process, so it can do anything once it is imported. Before that, files of the submission
must not configure or replace pytest; afterwards, a process that it left running must not replace the report.
"""

from collections.abc import Sequence

_HOOKS = (
    *("conftest.py", "pytest.ini", ".pytest.ini", "pytest.toml", "tox.ini", "setup.cfg", "pyproject.toml"),
    *("sitecustomize.py", "usercustomize.py"),
)
"""Files that pytest or Python reads automatically. The course's own ones stay."""
# pytest is imported before the working folder can be searched for modules. Other processes cannot open the memory or
# the descriptors of this one (prctl 4 is PR_SET_DUMPABLE), do not inherit the standard output, to which the report is
# copied, and are ended before the report is written, so that they cannot replace it.
_MAIN = f"""
import ctypes, os, signal, sys
del sys.path[0]
ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
for folder, _, names in os.walk("."):
    for path in (os.path.relpath(os.path.join(folder, name)) for name in names if name in {_HOOKS!r}):
        if path not in sys.argv[1:]:
            os.unlink(path)
out = os.dup(1)
os.dup2(2, 1)
import pytest

class Alone:
    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self):
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            pass

sys.path.append("")
report = "/tmp/report.xml"
status = pytest.main(["-q", "-p", "no:cacheprovider", "--junitxml=" + report, *sys.argv[1:]], [Alone()])
with open(report, "rb") as file, open(out, "wb") as pipe:
    pipe.write(file.read())
sys.exit(status)
"""


def pytest_command(course_files: Sequence[str]) -> list[str]:
    """The words of the command. `course_files`: the paths of the course's files, of which some may be hooks."""
    return ["python3", "-s", "-c", _MAIN, *course_files]
