"""Requirements of a service: configuration, models, labs, database, keys and the reverse proxy."""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from grader.doctor.finding import Finding, fault, ok, warning
from grader.tables.models import known_models
from labs_schema.errors import GraderError, did_you_mean
from labs_schema.limits import RequestLimits, ServiceLimits
from labs_schema.settings import Settings, config_file
from serving.courses.lab_registry import read_registry
from serving.model.folder import open_model
from serving.store.inspection import StoreState, inspect_store

PROXY_FOLDERS = ("nginx/sites-enabled", "nginx/conf.d")
ADDED_HEADER = re.compile(r"proxy_set_header\s+(Forwarded|Via|X-Forwarded-\S+|X-Real-IP)\s+\S*\$", re.IGNORECASE)
"""A directive of nginx by which the service recognises forwarded requests."""


def check_service(etc: Path = Path("/etc")) -> Iterator[Finding]:
    """`etc`: the folder with the configuration of nginx or Caddy."""
    settings = Settings()
    yield from _config()
    yield from _models(settings)
    yield from _labs(settings)
    yield _pseudonym_key(settings.secret)
    try:
        state = inspect_store(settings.store)
    except GraderError as error:
        yield fault("database", str(error), "correct GRADER_STORE, or start the database")
    else:
        yield _database(state)
        yield _keys(state)
    yield from _proxy(etc)


def _config() -> Iterator[Finding]:
    path = config_file()
    if not path.is_file():
        yield warning("configuration", f"no {path}; defaults and environment variables are used", "grader init")
    elif path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield warning("configuration", f"{path} is readable by other users", f"chmod 600 {path}")
    else:
        yield ok("configuration", str(path))
    known = {f"GRADER_{name.upper()}" for name in Settings.model_fields}
    for name in sorted(set(os.environ) - known):
        if name.startswith("GRADER_"):
            yield warning("configuration", f"{name} is not a setting.{did_you_mean(name, known)}", f"unset {name}")


def _models(settings: Settings) -> Iterator[Finding]:
    found = known_models()
    for each in found:
        if each.state == "damaged":
            yield fault("base model", f"{each.name} is damaged", f"grader model pull {each.name}")
    here = [each for each in found if each.state == "present"]
    if here:
        yield ok("base model", ", ".join(each.name for each in here))
    else:
        yield warning("base model", "none on this machine", "grader model pull smollm2-135m")
    for each in here:
        if each.warning:
            yield warning("licence", each.warning, "grade courses with another model: grader model list")
    if licences := dict.fromkeys(f"{each.name}: {each.licence or 'not stated'}" for each in here if not each.warning):
        yield ok("licence", ", ".join(licences))
    if settings.model:
        try:
            model = open_model(settings.model, adapters=True)
        except GraderError as error:
            yield fault("model", str(error), "grader init --force")
        else:
            yield ok("model", f"{settings.model}, from {model.name}")


def _labs(settings: Settings) -> Iterator[Finding]:
    if settings.labs is None:
        return
    try:
        readable, issues = read_registry(settings.labs)
    except (GraderError, OSError) as error:
        yield fault("labs", str(error), "grader init --force")
        return
    unusable = {issue.path.partition("/")[0] for issue in issues} - set(readable)
    if unusable or not readable:
        found = f"{settings.labs}: {len(readable)} labs can be served, {len(unusable)} cannot"
        yield (warning if readable else fault)("labs", found, f"grader check {settings.labs}")
    else:
        yield ok("labs", f"{settings.labs}: {len(readable)} labs can be served")


def _pseudonym_key(path: Path) -> Finding:
    if not path.exists():
        return ok("pseudonym key", f"{path} is created when it is first needed")
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return warning("pseudonym key", f"{path} is readable by other users", f"chmod 600 {path}")
    return ok("pseudonym key", str(path))


def _database(state: StoreState) -> Finding:
    if state.revision is None:
        return ok("database", f"{state.location}: tables are created at the first use")
    if not state.upgradable:
        found = f"{state.location}: schema {state.revision} was written by a newer version of grader"
        return fault("database", found, "install that version of grader")
    found = f"{state.location}: schema {state.revision}"
    if state.revision != state.newest:
        return warning("database", f"{found}, this grader has {state.newest}", "back it up; the next use upgrades it")
    return ok("database", found)


def _keys(state: StoreState) -> Finding:
    if state.active_keys:
        return ok("keys", f"{state.active_keys} active API keys")
    return warning(
        "keys", "none: the service answers only this machine", "grader keys create NAME --role platform --course COURSE"
    )


def _proxy(etc: Path) -> Iterator[Finding]:
    """Checks the nginx settings that the service relies on; Caddy needs no settings for them."""
    sites = [path for folder in PROXY_FOLDERS for path in sorted((etc / folder).glob("*")) if _proxies(path)]
    for path in sites:
        problems = list(_nginx_problems(path.read_text(encoding="utf-8", errors="replace")))
        for found, is_fault in problems:
            yield (fault if is_fault else warning)(
                "reverse proxy", f"{path}: {found}", "compare with deploy/nginx.conf"
            )
        if not problems:
            yield ok("reverse proxy", str(path))
    if not sites:
        caddy = etc / "caddy" / "Caddyfile"
        found = f"{caddy}" if _proxies(caddy) else "none: other machines cannot reach a service on 127.0.0.1"
        yield ok("reverse proxy", found)


def _proxies(path: Path) -> bool:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return re.search(r"^\s*(proxy_pass|reverse_proxy)\s", text, re.MULTILINE) is not None


def _nginx_problems(text: str) -> Iterator[tuple[str, bool]]:
    """Problems of a site, each with whether it is a fault."""
    lines = "\n".join(line.partition("#")[0] for line in text.splitlines())
    if not ADDED_HEADER.search(lines):
        yield "no X-Forwarded-For: without API keys, the service would treat all requests as local", True
    if not re.search(r"\blisten\s+[^;]*\bssl\b", lines):
        yield "no TLS: keys and grades are sent in the clear", False
    body = re.search(r"client_max_body_size\s+(\d+)([kmg]?)", lines, re.IGNORECASE)
    size = int(body[1]) * 1024 ** " kmg".index(body[2].lower() or " ") if body else 1024**2
    if 0 < size < RequestLimits().body_bytes:
        yield f"client_max_body_size is below the service's {RequestLimits().body_bytes:,} bytes", False
    timeout = re.search(r"proxy_read_timeout\s+(\d+)s?\s*;", lines)
    if (int(timeout[1]) if timeout else 60) <= ServiceLimits().grading_timeout_seconds:
        seconds = ServiceLimits().grading_timeout_seconds
        yield f"proxy_read_timeout is not above the service's {seconds:g} s", False
