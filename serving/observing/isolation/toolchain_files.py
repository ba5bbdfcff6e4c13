"""The files of the host that a sandbox shows, read-only: programs and libraries, never home folders or data."""

from collections.abc import Iterator
from pathlib import Path

SEARCH_PATH = "/usr/local/bin:/usr/bin:/bin"
VISIBLE = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_CONFIGURATION = ("/etc/alternatives", "/etc/ld.so.cache")


def toolchain_arguments() -> Iterator[str]:
    """Arguments of bubblewrap. `/bin` and `/lib` are links into `/usr` or folders, as on the host."""
    for path in VISIBLE:
        if Path(path).is_symlink():
            yield from ("--symlink", str(Path(path).readlink()), path)
        elif Path(path).is_dir():
            yield from ("--ro-bind", path, path)
    yield from ("--dir", "/etc")
    for path in (*_CONFIGURATION, *map(str, Path("/etc").glob("java-*"))):
        yield from ("--ro-bind-try", path, path)


def is_visible(path: Path) -> bool:
    """Whether programs in a sandbox could read `path`."""
    real = path.resolve()
    return any(real.is_relative_to(Path(each).resolve()) for each in VISIBLE if Path(each).is_dir())
