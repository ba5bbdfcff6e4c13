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
)

ROUTERS = tuple(
    each.router
    for each in (grading, labs, imports, grades, regrade_requests, student_links, jobs, job_results, health, docs_page)
)
