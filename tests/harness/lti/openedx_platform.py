"""Open edX's LTI consumer as a platform, without the rest of Open edX: its own models and views on an empty database.

Runs alone, in an environment with `lti-consumer-xblock`: `python openedx_platform.py TOOL_URL LAB`. Prints its
addresses as a line of JSON, then serves until its standard input closes. What the consumer gets from the course (the
block, the members, their external ids) is made up here.
"""

import json
import sys
import threading
from types import ModuleType, SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

PEOPLE = {"teacher": "instructor", **{f"u{n}": "student" for n in range(3)}}
LOCATION = "block-v1:uni+cs101+2026+type@lti_consumer+block@lab"


class QuietHandler(WSGIRequestHandler):
    def log_message(self, *_: object) -> None: ...


def configured(url: str) -> None:
    import django
    from django.conf import settings

    pattern = r"(?P<usage_id>(?:i4x://?[^/]+/[^/]+/[^/]+/[^@]+(?:@[^/]+)?)|(?:[^/]+))"
    settings.configure(
        PLATFORM_NAME="Open edX",
        LMS_ROOT_URL=url,
        LMS_BASE=url.split("//")[1],
        USAGE_ID_PATTERN=pattern,
        SECRET_KEY="x",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF="lms_urls",
        USE_TZ=True,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "file:lms?mode=memory&cache=shared"}},
        CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
        INSTALLED_APPS=[
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.auth",
            "lti_consumer",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    )
    django.setup()
    from django.core.management import call_command
    from django.urls import include, path

    urls: Any = ModuleType("lms_urls")
    urls.urlpatterns = [path("api/", include("lti_consumer.plugin.urls"))]
    sys.modules["lms_urls"] = urls

    call_command("migrate", run_syncdb=True, verbosity=0)


def mail(user: str) -> str:
    return f"s{int(user[1:]):03d}@uni.example" if user.startswith("u") else "ada@uni.example"


def use_course() -> None:
    """The block, the members and their ids, which the consumer gets from the course."""
    from lti_consumer.plugin import compat, views

    members = {
        number: {
            "id": number,
            "username": name,
            "email": f"s{number - 1:03d}@uni.example",
            "name": name,
            "roles": [role],
        }
        for number, (name, role) in enumerate(PEOPLE.items())
    }
    block = SimpleNamespace(weight=3, display_name="Lab", has_score=False)
    compat.load_enough_xblock = compat.load_block_as_user = lambda _: block
    compat.get_course_members = lambda _: {number: dict(each) for number, each in members.items()}
    compat.merge_course_forum_roles = lambda *_: None
    compat.user_has_studio_write_access = lambda *_: True
    compat.nrps_pii_disallowed = lambda: False
    compat.batch_get_or_create_externalids = lambda _: {
        number: SimpleNamespace(external_user_id=name) for number, name in enumerate(PEOPLE)
    }
    views.get_lti_pii_sharing_state_for_course = lambda _: True


def registered(tool: str) -> Any:
    from lti_consumer.models import Lti1p3Passport, LtiConfiguration
    from opaque_keys.edx.keys import UsageKey

    passport = Lti1p3Passport.objects.create(name="grader", lti_1p3_tool_keyset_url=f"{tool}/lti/jwks")
    return LtiConfiguration.objects.create(
        version=LtiConfiguration.LTI_1P3,
        config_store=LtiConfiguration.CONFIG_ON_DB,
        location=UsageKey.from_string(LOCATION),
        lti_1p3_passport=passport,
        lti_1p3_oidc_url=f"{tool}/lti/login",
        lti_1p3_launch_url=f"{tool}/lti/launch",
        lti_1p3_redirect_uris=[f"{tool}/lti/launch"],
        lti_advantage_enable_nrps=True,
        lti_advantage_deep_linking_enabled=True,
        lti_advantage_deep_linking_launch_url=f"{tool}/lti/launch",
        lti_advantage_ags_mode=LtiConfiguration.LTI_ADVANTAGE_AGS_DECLARATIVE,
    )


def started(configuration: Any, user: str, message: str, lab: str) -> str:
    """The address that starts the login."""
    from lti_consumer.data import Lti1p3LaunchData

    data = Lti1p3LaunchData(
        user_id=user,
        user_role=PEOPLE[user],
        config_id=configuration.config_id,
        resource_link_id=LOCATION,
        external_user_id=user,
        email=mail(user),
        launch_presentation_document_target="iframe",
        message_type=message,
        context_id="course-v1:uni+cs101+2026",
        context_type=["course_offering"],
        context_title="Programming",
        custom_parameters={"lab": lab},
    )
    return str(configuration.get_lti_consumer().prepare_preflight_url(data))


def main(tool: str, lab: str) -> None:
    server = make_server("127.0.0.1", 0, lambda *_: [], WSGIServer, QuietHandler)
    url = f"http://127.0.0.1:{server.server_port}"
    configured(url)
    use_course()
    configuration = registered(tool)
    from django.core.wsgi import get_wsgi_application
    from lti_consumer.models import LtiAgsScore, LtiDlContentItem
    from lti_consumer.utils import get_lms_lti_access_token_link, get_lms_lti_keyset_link, get_lms_lti_launch_link

    passport = configuration.lti_1p3_passport.passport_id
    pages = get_wsgi_application()

    def application(environment: Any, start: Any) -> Any:
        given = dict(parse_qsl(environment["QUERY_STRING"]))
        if environment["PATH_INFO"] == "/start":
            answer: Any = {"url": started(configuration, given["user"], given["message"], lab)}
        elif environment["PATH_INFO"] == "/state":
            answer = {
                "scores": {each.user_id: each.score_given for each in LtiAgsScore.objects.all()},
                "comments": {each.user_id: each.comment for each in LtiAgsScore.objects.all()},
                "progress": {each.user_id: each.grading_progress for each in LtiAgsScore.objects.all()},
                "links": [each.attributes for each in LtiDlContentItem.objects.all()],
            }
        else:
            return pages(environment, start)
        start("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(answer).encode()]

    server.set_app(application)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    addresses = {
        "url": url,
        "issuer": configuration.get_lti_consumer().iss,
        "client_id": configuration.lti_1p3_client_id,
        "deployment": "1",
        "context": "course-v1:uni+cs101+2026",
        "authorization_url": get_lms_lti_launch_link(),
        "token_url": get_lms_lti_access_token_link(passport),
        "keys_url": get_lms_lti_keyset_link(passport),
    }
    sys.stdout.write(json.dumps(addresses) + "\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
