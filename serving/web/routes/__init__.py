"""The pages, one module per subject."""

from serving.web.routes import (
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
        statistics,
        regrade_requests,
        feedback,
        lab_editor,
    )
)
