"""The routes of the service, one module per resource."""

from serving.api.routes import (
    docs_page,
    grades,
    grading,
    health,
    imports,
    job_results,
    jobs,
    labs,
    regrade_requests,
    student_links,
    webhooks,
)

MODULES = (
    *(grading, labs, imports, grades, regrade_requests, student_links),
    *(jobs, job_results, webhooks, health, docs_page),
)
ROUTERS = tuple(each.router for each in MODULES)
