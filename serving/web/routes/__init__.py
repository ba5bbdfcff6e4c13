"""The pages, one module per subject."""

from serving.web.routes import (
    assignments,
    changes,
    choices,
    clarifications,
    courses,
    doubts,
    feedback,
    groups,
    lab_creation,
    lab_editor,
    lab_submissions,
    labs,
    rating,
    regrade_requests,
    second_markings,
    sending,
    sign_in,
    snippets,
    statistics,
    submissions,
)

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
