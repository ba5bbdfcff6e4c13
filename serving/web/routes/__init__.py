"""The pages, one module per subject."""

from serving.web.routes import courses, sign_in

ROUTERS = (sign_in.router, courses.router)
