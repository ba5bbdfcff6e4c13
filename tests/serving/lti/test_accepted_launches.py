"""Good launches are accepted, and lead each person to what they may see, in a frame or a window."""

import re
from typing import Any

import pytest

from serving.lti.launches.links import Link, Links
from serving.lti.launches.roles import MEMBERSHIP, is_staff
from serving.lti.platforms.courses import Context, PlatformCourses
from serving.lti.platforms.platforms import Platforms
from serving.web.sessions import COOKIE
from tests.harness.browser.pages import COURSE
from tests.harness.lti.browser import TEACHER, TOOL, LtiBrowser
from tests.harness.lti.fake_lti import CLAIM, CLIENT, CONTEXT, DEPLOYMENT, DROP, INSTRUCTOR, LEARNER, LINK, Launch
from tests.serving.lti.conftest import Course

NAMES = ("name", "given_name", "family_name", "email")
NO_PERSON = dict.fromkeys(NAMES, DROP)
PERSON = "http://purl.imsglobal.org/vocab/lis/v2/institution/person"
TA = f"{MEMBERSHIP}/Instructor#TeachingAssistant"
UNKNOWN = "https://example.org/roles#Wizard"


def with_lab(course: Course, **claims: Any) -> dict[str, Any]:
    return {"claims": {f"{CLAIM}custom": {"lab": course.lab.name}, **claims}}


def is_review(page: Any) -> bool:
    return str(page.url.path) == "/app/lab" and "Review the next submission" in page.text


# The guide's cases, as an instructor and as a student.

ROLES: dict[str, list[str]] = {
    "one role": ["{}"],
    "several roles": ["{}", f"{PERSON}#Faculty", f"{MEMBERSHIP}#Member"],
    "a short role": ["short"],
    "an unknown role too": ["{}", UNKNOWN],
}
DATA: dict[str, dict[str, Any]] = {
    "all data": {},
    "e-mail only": {**NO_PERSON, "email": "mail0@uni.example"},
    "names only": {"email": DROP},
    "no personal data": NO_PERSON,
    "unknown claims": {"https://example.org/claim": {"a": [1]}, "picture": None, "locale": 5},
    "one audience as list": {"aud": [CLIENT]},
    "two audiences with azp": {"aud": ["other", CLIENT], "azp": CLIENT},
}


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("roles", ROLES)
@pytest.mark.parametrize(("role", "short"), [(INSTRUCTOR, "Instructor"), (LEARNER, "Learner")])
def test_a_good_launch_is_accepted(course: Course, role: str, short: str, roles: str, data: str) -> None:
    given = [short if each == "short" else each.format(role) for each in ROLES[roles]]
    page = LtiBrowser(course).launch("u0", **with_lab(course, **{f"{CLAIM}roles": given}, **DATA[data]))
    assert page.status_code == 200
    assert is_review(page) if role == INSTRUCTOR else page.url.path == "/app/feedback"


@pytest.mark.parametrize("roles", [[], [UNKNOWN], ["Wizard"], [f"{PERSON}#Administrator"], [""]])
def test_no_or_unknown_roles_are_the_least_right(course: Course, roles: list[str]) -> None:
    taught = LtiBrowser(course).launch(TEACHER, **with_lab(course, **{f"{CLAIM}roles": roles, f"{CLAIM}lis": DROP}))
    assert taught.status_code == 200 and "No work of yours" in taught.text
    page = LtiBrowser(course).launch("u0", **with_lab(course, **{f"{CLAIM}roles": roles}))
    assert page.status_code == 200 and page.url.path == "/app/feedback"


@pytest.mark.parametrize("user", ["u0", TEACHER])
def test_a_launch_without_a_course_is_accepted_and_shows_nothing_of_any(course: Course, user: str) -> None:
    for claims in ({f"{CLAIM}context": DROP}, {f"{CLAIM}context": DROP, **NO_PERSON, "email": "mail0@uni.example"}):
        page = LtiBrowser(course).launch(user, **with_lab(course, **claims))
        assert page.status_code == 200 and "not connected" in page.text and COURSE not in page.text


@pytest.mark.parametrize(
    ("roles", "staff"),
    [
        ([INSTRUCTOR], True),
        ([TA], True),
        ([TA, INSTRUCTOR, LEARNER], True),
        ([TA, LEARNER], False),  # Open edX: a student who moderates a forum
        ([f"{MEMBERSHIP}#Administrator"], True),
        (["TeachingAssistant"], True),
        ([f"{MEMBERSHIP}#ContentDeveloper"], False),
        ([f"{MEMBERSHIP}#Mentor"], False),
        ([f"{MEMBERSHIP}#instructor"], False),
        ([f"{PERSON}#Instructor"], False),
        (["http://purl.imsglobal.org/vocab/lis/v2/system/person#Administrator"], False),
        ([f"{MEMBERSHIP}#Instructor#x", f"x{INSTRUCTOR}"], False),
    ],
)
def test_only_roles_in_the_course_count(roles: list[str], staff: bool) -> None:
    assert is_staff(roles) is staff


# What each person sees.


def test_each_ta_has_a_key_of_their_own_for_this_course(own_course: Course) -> None:
    before = len(own_course.store.list_keys())
    for _ in range(2):
        assert is_review(LtiBrowser(own_course).launch(**with_lab(own_course)))
    LtiBrowser(own_course).launch("u2", **with_lab(own_course, **{f"{CLAIM}roles": [TA], "name": "Bo\u202eb"}))
    made = own_course.store.list_keys()[before:]
    assert [(each.name, each.role, each.course) for each in made] == [
        ("Ada L", "ta", COURSE),
        ("TA without a name", "ta", COURSE),
    ]
    assert own_course.store.verify().faults == ()


def test_a_ta_decides_in_the_frame(own_course: Course) -> None:
    browser = LtiBrowser(own_course)
    browser.launch(**with_lab(own_course))
    page = browser.client.get(f"/app/grades/{own_course.grades[0]}")
    [token] = set(re.findall(r'name="csrf" value="([^"]+)"', page.text))
    assert page.headers["content-security-policy"].endswith(f"frame-ancestors {own_course.fake.url}")
    assert "x-frame-options" not in page.headers and "Sign out" not in page.text
    refused = browser.client.post("/app/sign-out", data={"csrf": token}, headers={"Origin": own_course.fake.url})
    assert refused.status_code == 403
    assert browser.client.get("/app/lab-editor", params={"course": COURSE}).status_code in (403, 404)


def test_a_revoked_ta_is_refused(own_course: Course) -> None:
    browser = LtiBrowser(own_course)
    browser.launch(**with_lab(own_course))
    own_course.store.revoke_key(own_course.store.list_keys()[-1].id, actor="test")
    assert browser.client.get("/app/").url.path == "/app/sign-in"
    assert "lti-access-revoked" in LtiBrowser(own_course).launch(**with_lab(own_course)).text


def test_a_student_sees_the_own_feedback_only(course: Course) -> None:
    browser = LtiBrowser(course)
    page = browser.launch("u1", **with_lab(course))
    assert page.url.path == "/app/feedback" and page.headers["x-content-type-options"] == "nosniff"
    for path in ("/app/", f"/app/grades/{course.grades[1]}", f"/app/lab?course={COURSE}&lab={course.lab.name}"):
        assert browser.client.get(path).url.path == "/app/sign-in"


@pytest.mark.parametrize(
    ("kind", "claims", "found"),
    [
        ("sis", {}, True),
        ("sis", {f"{CLAIM}lis": {"person_sourcedid": " S000 "}}, True),
        ("sis", {f"{CLAIM}lis": {"person_sourcedid": "s0"}}, False),
        ("sis", {f"{CLAIM}lis": {"person_sourcedid": "s000@evil.example"}}, False),
        ("sis", {f"{CLAIM}lis": DROP, "email": "s000@uni.example", "name": "s000"}, False),
        ("custom", {f"{CLAIM}custom": {"student_id": "s000"}}, True),
        ("custom", {f"{CLAIM}custom": {"student_id": "$Person.sourcedId"}}, False),
        ("custom", {f"{CLAIM}custom": {"student_id": ["s000"]}}, False),
        ("custom", {f"{CLAIM}custom": {"student_id": " anonymous 2026-11"}}, False),
        ("custom", {}, False),
        ("username", {f"{CLAIM}ext": {"user_username": "s000"}}, True),
        ("email", {"email": "s000@uni.example"}, False),
        ("email-name", {"email": "S000@uni.example"}, True),
        ("user", {"sub": "s000"}, True),
        ("user", {}, False),
    ],
)
def test_a_student_is_found_by_one_kind_of_id(
    course: Course, kind: str, claims: dict[str, Any], found: bool, request: pytest.FixtureRequest
) -> None:
    course.register(student_id=kind)
    new = {"sub": request.node.name}  # someone whom no earlier launch made known
    page = LtiBrowser(course).launch("u0", claims={**new, **claims})
    course.register()
    assert page.status_code == 200 and (page.url.path == "/app/feedback") is found
    assert found or "No work of yours" in page.text


def test_a_student_is_known_later_without_the_claim_until_forgotten(own_course: Course) -> None:
    without = with_lab(own_course, **{f"{CLAIM}lis": DROP})
    assert "No work of yours" in LtiBrowser(own_course).launch("u0", **without).text
    LtiBrowser(own_course).launch("u0", **with_lab(own_course))
    assert LtiBrowser(own_course).launch("u0", **without).url.path == "/app/feedback"
    own_course.store.forget_student("s000", COURSE, actor="test")
    assert "No work of yours" in LtiBrowser(own_course).launch("u0", **without).text


def test_a_student_without_a_grade_in_the_lab_sees_an_explanation(course: Course) -> None:
    page = LtiBrowser(course).launch("u0", claims={f"{CLAIM}custom": {"lab": "lab9"}})
    assert page.status_code == 200 and "graded yet" in page.text


def test_a_teacher_of_an_unconnected_course_sees_how_to_connect_it(own_course: Course) -> None:
    """A teacher of any course of the platform can add the tool, and can name any lab in a link's parameters."""
    other = with_lab(own_course, **{f"{CLAIM}context": {"id": "x'; rm -rf /"}})
    page = LtiBrowser(own_course).launch(**other)
    assert page.status_code == 200 and page.url.path == "/lti/launch" and COOKIE not in str(page.headers)
    assert "grader lti connect" in page.text and "&#39;x&#39;&#34;&#39;&#34;&#39;; rm -rf /&#39;" in page.text
    student = LtiBrowser(own_course).launch("u0", **other)
    assert "grader lti connect" not in student.text and student.url.path == "/lti/launch"
    here = Context(platform=own_course.platform.id, deployment=DEPLOYMENT, context=CONTEXT)
    PlatformCourses(own_course.store).disconnect(here)
    assert "not connected" in LtiBrowser(own_course).launch(**with_lab(own_course)).text


def test_the_same_course_id_of_another_deployment_is_another_course(own_course: Course) -> None:
    """Canvas: one issuer, client and key set for all schools."""
    Platforms(own_course.store).add_deployment(own_course.platform.id, "8")
    page = LtiBrowser(own_course).launch(**with_lab(own_course, **{f"{CLAIM}deployment_id": "8"}))
    assert "not connected" in page.text


def test_a_review_launch_opens_the_students_submission(own_course: Course) -> None:
    LtiBrowser(own_course).launch("u0", **with_lab(own_course))
    page = LtiBrowser(own_course).launch(message="LtiSubmissionReviewRequest", **with_lab(own_course))
    assert page.url.path == f"/app/grades/{own_course.grades[0]}"
    unknown = with_lab(own_course, **{f"{CLAIM}for_user": {"user_id": "u9"}})
    assert is_review(LtiBrowser(own_course).launch(message="LtiSubmissionReviewRequest", **unknown))


def test_the_services_of_a_link_are_stored_for_its_lab(own_course: Course) -> None:
    fake, links = own_course.fake, Links(own_course.store.database)
    LtiBrowser(own_course).launch(**with_lab(own_course))
    expected = Link(
        platform=own_course.platform.id,
        deployment=DEPLOYMENT,
        context=CONTEXT,
        link=LINK,
        lab=own_course.lab.name,
        line_item=fake.line_item_url,
        line_items=fake.line_items_url,
        memberships=fake.memberships_url,
        scopes=tuple(fake.scopes),
    )
    assert links.of_lab(COURSE, own_course.lab.name) == [expected]
    names = "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"
    LtiBrowser(own_course).launch("u0", **with_lab(own_course, **{names: DROP}))
    assert links.of_lab(COURSE, own_course.lab.name) == [expected]
    assert links.of_lab(COURSE, "lab9") == links.of_lab("cs999", own_course.lab.name) == []


# Browsers.


def session_cookie(browser: LtiBrowser, **launch: Any) -> str:
    first = browser.launch(**launch).history[0]
    return next(each for each in first.headers.get_list("set-cookie") if each.startswith(COOKIE))


def test_the_session_is_for_the_frame_or_for_the_window(course: Course) -> None:
    framed = session_cookie(LtiBrowser(course), **with_lab(course))
    assert framed.endswith("; HttpOnly; SameSite=None; Secure; Partitioned") and "Path=/app;" in framed
    window = LtiBrowser(course, dest="document")
    assert session_cookie(window, **with_lab(course)).endswith("; HttpOnly; SameSite=Lax; Secure")
    page = window.client.get("/app/")
    assert (
        page.headers["x-frame-options"] == "DENY"
        and "frame-ancestors 'none'" in page.headers["content-security-policy"]
    )


def test_a_launch_ends_the_session_that_the_browser_had(course: Course) -> None:
    """Session fixation: what was in the browser before opens nothing afterwards."""
    browser = LtiBrowser(course)
    browser.client.cookies.set(COOKIE, "planted", domain="grader.example", path="/app")
    first = session_cookie(browser, **with_lab(course))
    assert "planted" not in first and first != session_cookie(browser, **with_lab(course))


def test_the_secret_of_a_login_is_for_this_login_only(course: Course) -> None:
    browser = LtiBrowser(course)
    given = course.fake.initiate(Launch(TEACHER, TOOL.launch_url))
    [header] = browser.client.get("/lti/login", params=given, follow_redirects=False).headers.get_list("set-cookie")
    assert header.endswith("; Path=/lti; Max-Age=600; HttpOnly; SameSite=None; Secure; Partitioned")
    started = [browser.start(Launch("u0", TOOL.launch_url, **with_lab(course))) for _ in range(3)]
    for form in reversed(started):  # a page with several frames
        assert browser.finish(form).url.path == "/app/feedback"
    assert [
        each for each in browser.client.cookies.jar if each.name.startswith("grader_lti_") and not each.is_expired()
    ]


def test_in_a_frame_the_login_tries_cookies_first(course: Course) -> None:
    given = {**course.fake.initiate(Launch(TEACHER, TOOL.launch_url)), "lti_storage_target": "post_message_forwarding"}
    page = LtiBrowser(course).client.get("/lti/login", params=given, headers={"Sec-Fetch-Dest": "iframe"})
    assert page.status_code == 200 and f'data-platform="{course.fake.url}"' in page.text
    assert 'data-storage="post_message_forwarding"' in page.text and "/lti/login?" in page.text
    assert page.headers["content-security-policy"].endswith(f"frame-ancestors {course.fake.url}")
    assert "unsafe" not in page.headers["content-security-policy"]


def test_without_cookies_the_platform_stores_the_secret_and_a_window_opens(course: Course) -> None:
    browser, blocked = LtiBrowser(course), LtiBrowser(course)
    form = browser.start(Launch(TEACHER, TOOL.launch_url, **with_lab(course)), lti_storage_target="_parent")
    [secret] = [each.value for each in browser.client.cookies.jar if each.name.startswith("grader_lti_")]
    page = blocked.finish(form)
    assert page.status_code == 200 and 'id="lti-storage"' in page.text and str(secret) not in page.text
    own = {"Origin": TOOL.url, "Sec-Fetch-Site": "same-origin"}
    page = blocked.finish({**form, "secret": str(secret)}, **own)
    [ticket] = re.findall(r'name="ticket" value="([^"]+)"', page.text)
    assert COOKIE not in str(page.headers.get_list("set-cookie"))
    window = LtiBrowser(course).client
    assert (
        window.post("/lti/window", data={"ticket": ticket}, headers={"Origin": "https://evil.example"}).status_code
        == 403
    )
    assert window.post("/lti/window", data={"ticket": ticket}).status_code == 403
    assert is_review(window.post("/lti/window", data={"ticket": ticket}, headers=own))
    assert "lti-replayed" in window.post("/lti/window", data={"ticket": ticket}, headers=own).text
    assert "lti-state" in window.post("/lti/window", data={"ticket": ticket + "x"}, headers=own).text


def test_a_students_session_opens_no_page_of_a_ta(course: Course) -> None:
    browser = LtiBrowser(course, dest="document")
    browser.launch("u0", **with_lab(course))
    assert browser.client.get("/app/").url.path == "/app/sign-in"
