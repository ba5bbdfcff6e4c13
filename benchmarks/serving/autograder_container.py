"""The Gradescope autograder in a container of 768 MB: peak memory, and what students see when the service is away.

Run as root: python -m benchmarks.serving.autograder_container [--lab labs/c_longest_word] [--megabytes 768]

The zip file of `grader export gradescope-autograder` is built as Gradescope builds it: `setup.sh`, then
`run_autograder` for each submission, with `/autograder` in its own mount, process and memory group. The service is
`grader serve` with a synthetic model. The last run has no service. Needs the memory controller of cgroup v1.

Time: minutes. Figures: docs/measurements/autograders.md.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from serving.store.access.roles import Role
from serving.store.store import open_store

GROUPS = Path("/sys/fs/cgroup/memory")
MOUNTED = Path("/autograder")
NO_SANDBOX = Path("/usr/bin/bwrap")
"""Not in Gradescope's image."""
HUNGRY = "#include <stdlib.h>\n#include <string.h>\nint main(void) { for (;;) memset(malloc(1 << 20), 1, 1 << 20); }\n"
MEGA = 1_000_000
Json = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lab", type=Path, default=Path("labs/c_longest_word"))
    parser.add_argument("--megabytes", type=int, default=768)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="autograder-") as name:
        folder = Path(name)
        store = open_store(str(folder / "store.db"))
        key, _ = store.create_key("gradescope", Role.PLATFORM, None, actor="benchmark")
        store.close()
        with service(given.lab.parent, folder) as url:
            image = built(given.lab, url, key, folder)
            programs = {"a student's program": next(iter(sorted((given.lab / "submissions").iterdir())))}
            programs["one that takes all memory"] = written(folder / "hungry", HUNGRY)
            rows = [(title, run(image, program, given.megabytes)) for title, program in programs.items()]
        rows.append(("the same, service away", run(image, programs["a student's program"], given.megabytes)))
    for title, row in rows:
        sys.stdout.write(f"{title}: {json.dumps(row)}\n")


@contextmanager
def service(labs: Path, folder: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "tests.harness.processes.service_process", str(labs), str(folder / "store.db")]
    port = 18_473
    with subprocess.Popen([*command, "--port", str(port)], stdout=subprocess.DEVNULL) as process:
        url = f"http://127.0.0.1:{port}"
        for _ in range(600):
            with suppress(httpx.HTTPError):
                if httpx.get(f"{url}/readyz").status_code == 200:
                    break
            time.sleep(0.2)
        yield url
        process.terminate()


def built(lab: Path, url: str, key: str, folder: Path) -> Path:
    """The folder `/autograder` after the image was built."""
    command = [sys.executable, "-m", "grader", "export", "gradescope-autograder", str(lab)]
    subprocess.run([*command, "--service", url, "--out", str(folder / "autograder.zip")], check=True)
    source = folder / "image" / "source"
    with zipfile.ZipFile(folder / "autograder.zip") as archive:
        archive.extractall(source)
        for info in archive.infolist():
            (source / info.filename).chmod(info.external_attr >> 16)
    (source / "key.txt").write_text(key + "\n")
    config = json.loads((source / "config.json").read_text())
    (source / "config.json").write_text(json.dumps(config | {"seconds": 20}))  # not five minutes without the service
    start = time.monotonic()
    inside(folder / "image", "bash /autograder/source/setup.sh", None)
    sys.stdout.write(f"setup.sh: {time.monotonic() - start:.0f} s\n")
    return folder / "image"


def written(folder: Path, program: str) -> Path:
    folder.mkdir()
    (folder / "main.c").write_text(program)
    return folder


def run(image: Path, submission: Path, megabytes: int) -> Json:
    """Peak memory in MB of all processes together, and the results."""
    for name in ("submission", "results"):
        shutil.rmtree(image / name, ignore_errors=True)
    shutil.copytree(submission, image / "submission")
    (image / "results").mkdir()
    person = {"id": 1, "name": "Z", "email": "z@uni.example"}
    (image / "submission_metadata.json").write_text(json.dumps({"id": time.time_ns(), "users": [person]}))
    group = GROUPS / Path("/proc/self/cgroup").read_text().split("memory:/")[1].split("\n")[0] / "autograder"
    group.mkdir()
    (group / "memory.limit_in_bytes").write_text(str(megabytes * MEGA))
    start, peak = time.monotonic(), Peak(group)
    try:
        inside(image, "/autograder/source/run_autograder", group)
        found = peak.stop()
    finally:
        group.rmdir()
    results = json.loads((image / "results" / "results.json").read_text())
    visible = [each for each in results["tests"] if each.get("visibility", "visible") == "visible"]
    return {
        "seconds": round(time.monotonic() - start, 1),
        **found,
        "tests": [
            (each["name"], each.get("score"), each.get("max_score"), each["visibility"]) for each in results["tests"]
        ],
        "students read": [each["output"] for each in visible],
    }


class Peak:
    """Samples the memory of a group: `rss` without the cache of files, `all` with it, as the kernel counts it."""

    def __init__(self, group: Path) -> None:
        self._group, self._most, self._ended = group, 0, threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()

    def _sample(self) -> None:
        while not self._ended.wait(0.01):
            lines = (line.split() for line in (self._group / "memory.stat").read_text().splitlines())
            values = dict(lines)  # type: ignore[arg-type]
            self._most = max(self._most, int(values["total_rss"]) + int(values.get("total_shmem", 0)))

    def stop(self) -> Json:
        self._ended.set()
        self._thread.join()
        highest = int((self._group / "memory.max_usage_in_bytes").read_text())
        control = dict(line.split() for line in (self._group / "memory.oom_control").read_text().splitlines())
        return {
            "peak rss MB": round(self._most / MEGA),
            "peak with file cache MB": round(highest / MEGA),
            "killed for memory": int(control["oom_kill"]),
        }


def inside(image: Path, command: str, group: Path | None) -> None:
    """Runs a command as root of the container, where `/autograder` is `image`."""
    MOUNTED.mkdir(exist_ok=True)
    mounts = f"mount --bind {image} {MOUNTED} && cd {MOUNTED}"
    if NO_SANDBOX.exists():
        mounts += f" && mount --bind /dev/null {NO_SANDBOX}"
    if group is not None:
        mounts = f"echo $$ > {group}/cgroup.procs && {mounts} && mount --bind {group} {GROUPS}"
    words = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "bash", "-ec", f"{mounts} && exec {command}"]
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "DEBIAN_FRONTEND": "noninteractive"}
    environment |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    try:
        subprocess.run(words, env=environment, check=True, stdout=subprocess.DEVNULL)
    finally:
        MOUNTED.rmdir()


if __name__ == "__main__":
    main()
