"""The pages, one module per subject."""

from serving.web.routes import (
    choices,
    courses,
    feedback,
    groups,
    labs,
    rating,
    regrade_requests,
    sending,
    sign_in,
    statistics,
    submissions,
)
from serving.web.routes.lab_editor import lab_creation, lab_editor, lab_submissions
from serving.web.routes.rubrics import changes, clarifications, doubts
from serving.web.routes.team import assignments, second_markings, snippets

ROUTERS = tuple(
    each.router
    for each in (
        sign_in,
        courses,
        labs,
        submissions,
        choices,
        groups,
        assignments,
        second_markings,
        snippets,
        doubts,
        clarifications,
        rating,
        changes,
        statistics,
        regrade_requests,
        feedback,
        lab_editor,
        lab_creation,
        lab_submissions,
        sending,
    )
)
