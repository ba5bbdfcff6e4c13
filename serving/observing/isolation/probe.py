"""Checks at start that the sandbox isolates. Without a sandbox that does, nothing is run."""

from serving.observing.isolation.sandbox import Command, Sandbox
from serving.observing.isolation.toolchain_files import VISIBLE
from serving.observing.isolation.watching import Run, SandboxError

_PROBE = """
ls -A / | sed 's/^/root:/'
for place in / /usr /dev /etc; do (echo x >"$place/probe") 2>/dev/null && echo writable; done
grep -E '^(CapBnd|CapEff|NoNewPrivs|Seccomp):' /proc/self/status | tr -d '\\t'
tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '
echo own:$(echo /proc/[0-9]* | wc -w)
"""
_EXPECTED = {"CapBnd:0000000000000000", "CapEff:0000000000000000", "NoNewPrivs:1", "Seccomp:2", "lo"}
_FOLDERS = {f"root:{name.strip('/')}" for name in (*VISIBLE, "etc", "proc", "dev", "tmp", "work")}
_MOST_PROCESSES = 8
_SECONDS, _MEMORY = 20.0, 64_000_000
_ADVICE = (
    "Needed: bubblewrap 0.8 or newer and user namespaces. In a container, allow them; see the guide on checks. "
    "Nothing was run."
)


def working_sandbox(sandbox: Sandbox | None = None) -> Sandbox:
    """A sandbox whose isolation was just checked. Raises SandboxError with the reason."""
    sandbox = sandbox or Sandbox()
    try:
        run = sandbox.run(Command(["/bin/sh", "-c", _PROBE], _SECONDS, _MEMORY))
    except OSError as error:
        raise SandboxError(f"bubblewrap cannot be started: {error}. {_ADVICE}") from None
    except SandboxError as error:
        raise SandboxError(f"{error}. {_ADVICE}") from None
    if faults := _faults(run):
        raise SandboxError(f"the sandbox does not isolate: {', '.join(faults)}. {_ADVICE}")
    return sandbox


def _faults(run: Run) -> list[str]:
    if not run.succeeded:
        return [f"the probe ended with {run.ending}: {run.stderr.decode(errors='replace')[:300]}"]
    lines = run.stdout.decode(errors="replace").split()
    processes = [int(line.removeprefix("own:")) for line in lines if line.startswith("own:")]
    found = {line for line in lines if not line.startswith("own:")}
    faults = [f"found {line}" for line in sorted(found - _EXPECTED - _FOLDERS)]
    faults += [f"missing {line}" for line in sorted(_EXPECTED - found)]
    return faults if processes and processes[0] <= _MOST_PROCESSES else [*faults, "processes of the host are visible"]
