"""The pages, one module per subject."""

from serving.web.routes import choices, courses, labs, sign_in, statistics, submissions

ROUTERS = tuple(each.router for each in (sign_in, courses, labs, submissions, choices, statistics))
