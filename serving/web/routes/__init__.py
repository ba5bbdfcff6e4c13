"""The pages, one module per subject."""

from serving.web.routes import (
    changes,
    choices,
    courses,
    feedback,
    groups,
    lab_editor,
    labs,
    rating,
    regrade_requests,
    sign_in,
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
        rating,
        changes,
        statistics,
        regrade_requests,
        feedback,
        lab_editor,
    )
)
