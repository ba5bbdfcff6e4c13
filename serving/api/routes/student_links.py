"""Links by which a student reaches the feedback on one grade, and may request a regrade."""

from datetime import timedelta

from serving.api.authorization import PlatformCaller, api_router, check_role, platform
from serving.api.middleware.json_bodies import PAGES_PATH
from serving.api.routes.grades import GradeId, find_visible
from serving.api.schemas.examples import BODY, STUDENT_LINK, responses
from serving.api.schemas.regrade_requests import StudentLinkIn, StudentLinkOut
from serving.api.service import CourseService
from serving.store.access.roles import Role
from serving.store.access.student_links import LinkOptions, StudentLinks

router = api_router(platform, "regrade requests")
PATH = f"{PAGES_PATH}/feedback?link="


@router.post(
    "/grades/{grade_id}/student-links",
    summary="Create a link to a student's feedback",
    status_code=201,
    responses=responses("The link, shown once.", STUDENT_LINK, "not-found", "second-marking-open", *BODY, status=201),
)
def create_student_link(
    grade_id: GradeId, body: StudentLinkIn, service: CourseService, caller: PlatformCaller
) -> StudentLinkOut:
    """The link opens the feedback on this grade only, until it expires. A repeated request creates another link."""
    if body.include_review or body.probabilities:
        check_role(caller, Role.TA)
    find_visible(service, caller, grade_id)
    options = LinkOptions(include_review=body.include_review, probabilities=body.probabilities)
    links, period = StudentLinks(service.store.database), timedelta(days=body.days)
    token, end = links.create(grade_id, period, options, actor=caller.actor)
    return StudentLinkOut(path=PATH + token, expires_at=end)
