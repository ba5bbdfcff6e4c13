"""The configuration file of `grader init`: written here, read into the environment when a command starts."""

from pathlib import Path
from typing import NamedTuple

from dotenv import load_dotenv

from labs_schema.errors import GraderError
from labs_schema.files.atomic import write_atomically
from labs_schema.settings import Settings, config_file

RUN, PRESET = Path("runs/latest"), "smollm2-135m"
HEADER = "# Written by grader init. Environment variables and options override these settings; see grader doctor.\n"


class Answers(NamedTuple):
    labs: str
    model: str
    store: str


def load_config() -> None:
    """Sets the environment variables of the configuration file that are not set.

    Raises GraderError if the file cannot be read.
    """
    try:
        load_dotenv(config_file(), override=False, interpolate=False)
    except (OSError, ValueError) as error:
        raise GraderError(
            f"{config_file()} cannot be read: {error}. Correct it, or write it again: grader init --force",
            code="bad-configuration",
        ) from None


def default_answers() -> Answers:
    settings = Settings()
    model = settings.model or (str(RUN) if RUN.is_dir() else PRESET)
    return Answers(str(settings.labs or "labs"), model, settings.store)


def check_target(path: Path, *, force: bool) -> None:
    """Raises GraderError if `path` exists and `force` is false."""
    if path.exists() and not force:
        raise GraderError(
            f"{path} exists and is not changed. Change the three settings in it with --force, or write another file "
            "with --out.",
            code="configuration-exists",
        )


def write_config(answers: Answers, path: Path) -> tuple[dict[str, str], list[str]]:
    """Writes the answers, with folders as absolute paths; returns the settings, without a password, and warnings.

    Other lines of an existing file remain. Raises StoreLocationError for a database that cannot be one, GraderError
    for an answer that a line of the file cannot hold.
    """
    from serving.store.database import parse_location, without_password

    url = parse_location(answers.store)
    values = {
        "GRADER_LABS": str(_absolute(answers.labs)),
        "GRADER_MODEL": _model(answers.model),
        "GRADER_STORE": answers.store if "://" in answers.store else str(url.database),
    }
    lines = [line for line in _lines(path) if line.partition("=")[0].strip().removeprefix("export ") not in values]
    lines += [f"{name}={_quoted(name, value)}" for name, value in values.items()]
    _write(path, "".join(f"{line}\n" for line in lines))
    return {**values, "GRADER_STORE": without_password(url)}, _warnings(values)


def next_steps(answers: Answers) -> tuple[str, ...]:
    return (
        "Next steps:",
        "  grader doctor    # checks this configuration",
        f"  grader check {answers.labs}    # validates your labs",
        "  grader serve    # API docs at http://127.0.0.1:8000/docs",
    )


def _model(model: str) -> str:
    """A folder as an absolute path, because commands run elsewhere. Symbolic links such as `latest` remain."""
    path = _absolute(model)
    return str(path) if path.exists() or model.startswith((".", "/", "~")) else model


def _absolute(text: str) -> Path:
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError:  # `~name` of no user
        return Path(text).absolute()


def _warnings(values: dict[str, str]) -> list[str]:
    from labs_schema.reading.lab_folders import lab_folders

    try:
        lab_folders(Path(values["GRADER_LABS"]))
    except GraderError:
        return [f"warning: {values['GRADER_LABS']} has no lab yet. Import one: grader import --help"]
    return []


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else HEADER.splitlines()


def _quoted(name: str, value: str) -> str:
    """A line with quotes that python-dotenv and systemd's EnvironmentFile read in the same way."""
    if not value.isprintable():
        raise GraderError(f"{name} contains a character that cannot be printed.", code="bad-configuration")
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _write(path: Path, text: str) -> None:
    """Readable by the owner only: the database's URL may have a password. Complete or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomically(path, text, mode=0o600)
