"""Every environment variable of the product; docs/standard_variables.yaml has those of other programs."""

import os
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


def data_folder() -> Path:
    """The user's data folder of this product: ~/.local/share/grader, or below XDG_DATA_HOME."""
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data).absolute() / "grader"


def config_file() -> Path:
    """The file that `grader init` writes and every command reads: ~/.config/grader/grader.env, or below
    XDG_CONFIG_HOME."""
    folder = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(folder).absolute() / "grader" / "grader.env"


def cache_folder() -> Path:
    """The user's cache folder of this product: ~/.cache/grader, or below XDG_CACHE_HOME."""
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches).absolute() / "grader"


class Settings(BaseSettings):
    """Read from GRADER_* environment variables each time it is created."""

    model_config = SettingsConfigDict(env_prefix="GRADER_", frozen=True)

    store: str = Field(
        default_factory=lambda: str(data_folder() / "grader.db"),
        description="The database of grades, jobs and keys: the path of a SQLite file, sqlite:////absolute/path.db or "
        "postgresql://user:password@host/name. Default: ~/.local/share/grader/grader.db",
    )
    allow_origin: str = Field(
        "",
        description="Origins of web pages that may call the service from a browser, separated by spaces, such as "
        "https://course.example.edu; `grader serve --allow-origin` overrides it. Default: none",
    )
    outbound_allow: str = Field(
        "",
        description="Origins that outbound requests may contact even if they use http, a port other than 443 or 8443, "
        "or a private address, separated by spaces, such as https://moodle.campus.example http://localhost:8080. "
        "Default: none",
    )
    public_url: str = Field(
        "",
        description="The address of the service as browsers reach it, such as https://grader.example.edu; LTI needs "
        "it. Default: none",
    )
    lti_keys: Path | None = Field(
        None,
        description="The file with the private keys of the LTI tool, created when it is first needed. Only its owner "
        "may read it. Processes that serve the same tool need the same file. Default: lti-keys.json next to a SQLite "
        "store, else ~/.local/share/grader/lti-keys.json",
    )
    canvas_token: SecretStr = Field(
        SecretStr(""),
        description="The access token for Canvas, of a teacher of the course, for `grader send canvas` and the review "
        "pages. Default: none",
    )
    canvas_url: str = Field(
        "",
        description="The address of Canvas, such as https://canvas.example. The review pages send grades to "
        "assignments below it, with GRADER_CANVAS_TOKEN. Default: none",
    )
    moodle_url: str = Field(
        "",
        description="The address of Moodle, such as https://moodle.example. The review pages send grades to "
        "assignments below it, with GRADER_MOODLE_TOKEN. Default: none",
    )
    moodle_token: SecretStr = Field(
        SecretStr(""),
        description="The token of a Moodle web service, of an account that may grade the assignment, for "
        "`grader import moodle` with an address, `grader send moodle` and the review pages. Default: none",
    )
    codegrade_token: SecretStr = Field(
        SecretStr(""),
        description="The access token for CodeGrade, of a teacher of the course, for `grader send codegrade`. "
        "Default: none",
    )
    github_token: SecretStr = Field(
        SecretStr(""),
        description="The access token for GitHub, of a teacher of the classroom, for `grader send github-classroom`. "
        "Default: none",
    )
    secret: Path = Field(
        default_factory=lambda: data_folder() / "pseudonyms.key",
        description="The file with the pseudonym key, which hides students' ids in datasets, created when it is first "
        "needed. Default: ~/.local/share/grader/pseudonyms.key",
    )
    session_key: Path | None = Field(
        None,
        description="The file with the key that signs the sessions of the review pages, and from which the secrets of "
        "webhooks are derived, created when it is first needed. Only its owner may read it. All processes and commands "
        "that use the same store need the same file. Default: session.key next to a SQLite store, else "
        "~/.local/share/grader/session.key",
    )
    blind_share: float = Field(
        0.1,
        ge=0,
        le=1,
        description="Share of the criteria for which the review page hides the model's rating until a TA has chosen. "
        "Agreement is computed on blind decisions only. Default: 0.1",
    )
    model: str | None = Field(
        None, description="The model of `grader serve` and `grader worker`; --model overrides it. Default: none"
    )
    labs: Path | None = Field(
        None,
        description="The labs folder for GRADER_MODEL, with one folder per lab; --labs overrides it. Default: none",
    )
    course: str | None = Field(
        None,
        description="The name of the course of GRADER_MODEL; --course overrides it. Default: the labs folder's name",
    )
    model_cache: Path = Field(
        default_factory=lambda: cache_folder() / "models",
        description="The folder for base models that `grader model pull` converts. Default: ~/.cache/grader/models",
    )
