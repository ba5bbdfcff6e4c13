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
        description="Origins that outbound requests may reach although they use http, another port than 443 or a "
        "private address, separated by spaces, such as https://moodle.campus.example http://localhost:8080. "
        "Default: none",
    )
    public_url: str = Field(
        "",
        description="The address of the service as browsers reach it, such as https://grader.example.edu; LTI needs "
        "it. Default: none",
    )
    lti_keys: Path | None = Field(
        None,
        description="The file with the private keys of the LTI tool, created when it is first needed; only its owner "
        "may read it. Processes that serve the same tool need the same file. Default: lti-keys.json next to a SQLite "
        "store, else ~/.local/share/grader/lti-keys.json",
    )
    canvas_token: SecretStr = Field(
        SecretStr(""),
        description="The access token for Canvas, of a teacher of the course; only `grader send canvas` needs it. "
        "Default: none",
    )
    canvas_url: str = Field(
        "",
        description="The address of Canvas, such as https://canvas.example: the pages send grades to assignments below "
        "it, with GRADER_CANVAS_TOKEN. Default: none",
    )
    moodle_url: str = Field(
        "",
        description="The address of Moodle, such as https://moodle.example: the pages send grades to assignments below "
        "it, with GRADER_MOODLE_TOKEN. Default: none",
    )
    moodle_token: SecretStr = Field(
        SecretStr(""),
        description="The token of a web service of Moodle, of an account that may grade the assignment; only "
        "`grader import moodle` with an address and `grader send moodle` need it. Default: none",
    )
    codegrade_token: SecretStr = Field(
        SecretStr(""),
        description="The access token for CodeGrade, of a teacher of the course; only `grader send codegrade` needs "
        "it. Default: none",
    )
    github_token: SecretStr = Field(
        SecretStr(""),
        description="The access token for GitHub, of a teacher of the classroom; only `grader send github-classroom` "
        "needs it. Default: none",
    )
    secret: Path = Field(
        default_factory=lambda: data_folder() / "pseudonyms.key",
        description="The file with the key of students' pseudonyms in datasets, created when it is first needed. "
        "Default: ~/.local/share/grader/pseudonyms.key",
    )
    session_key: Path | None = Field(
        None,
        description="The file with the key that signs the sessions of the pages and from which the secrets of webhooks "
        "are derived, created when it is first needed; only its owner may read it. All processes and commands that use "
        "the same store need the same file. Default: session.key next to a SQLite store, else "
        "~/.local/share/grader/session.key",
    )
    blind_share: float = Field(
        0.1,
        ge=0,
        le=1,
        description="Part of the criteria for which the review page hides the model's rating until a TA has chosen; "
        "agreement is computed on these decisions. Default: 0.1",
    )
    model: str | None = Field(
        None, description="The model of `grader serve` and `grader worker` without --model. Default: none"
    )
    labs: Path | None = Field(
        None, description="The folder with one folder per lab, for GRADER_MODEL; --labs overrides it. Default: none"
    )
    course: str | None = Field(
        None,
        description="The name of the course of GRADER_MODEL; --course overrides it. Default: the labs folder's name",
    )
    model_cache: Path = Field(
        default_factory=lambda: cache_folder() / "models",
        description="The folder of base models that `grader model pull` converted. Default: ~/.cache/grader/models",
    )
