"""Errors as pages, with the codes of the API. The page repeats the text of the refused form, so that none is lost."""

import re

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from labs_schema.errors import GraderError
from serving.api.error_handlers import problem_of
from serving.api.middleware.body_limit import is_upload
from serving.api.schemas.problems import Problem, ProblemError
from serving.api.second_markings import SecondMarkingOpenError
from serving.web.form_posts import read_form, text
from serving.web.rendering import redirect, render

TYPED = re.compile(r"comment|text|answer|why")
"""The beginnings of the names of fields in which people write."""


def install_error_pages(pages: FastAPI) -> None:
    for kind in (HTTPException, RequestValidationError, GraderError):
        pages.add_exception_handler(kind, _respond)
    pages.add_exception_handler(Exception, _failure)


async def _respond(request: Request, error: Exception) -> Response:
    if isinstance(error, RequestValidationError):
        error = ProblemError("invalid-request", "The page's address or form has a wrong value.")
    problem = problem_of(request, error)
    if problem.problem.code == "sign-in-required" and request.method == "GET":
        return redirect(request, "/sign-in", next=_path(request))
    if isinstance(problem, SecondMarkingOpenError) and request.method == "GET":
        return redirect(request, f"/second-markings/{problem.grade}")
    return await _page(request, problem)


async def _failure(request: Request, error: Exception) -> Response:
    """Starlette raises the error again after the response, so that the access log has it."""
    del error
    return await _page(request, ProblemError("internal-error", "The service failed on this request."))


async def _page(request: Request, error: ProblemError) -> Response:
    problem: Problem = error.problem
    typed = await _typed(request) if request.method == "POST" and not is_upload(request.scope) else {}
    page = render(
        request,
        "problem.html",
        error.status_code,
        problem=problem,
        typed=typed,
        sign_in=problem.code == "sign-in-required",
        next=request.headers.get("referer", ""),
        back=request.headers.get("referer", ""),
    )
    if retry := (error.headers or {}).get("Retry-After"):
        page.headers["Retry-After"] = retry
    return page


async def _typed(request: Request) -> dict[str, str]:
    """Field -> text that the visitor typed. Empty for a form that cannot be read."""
    try:
        form = await read_form(request)
    except (HTTPException, RuntimeError):  # RuntimeError: it was read, and is not known after an unexpected failure
        return {}
    return {name: value for name in form if TYPED.match(name) and (value := text(form, name).strip())}


def _path(request: Request) -> str:
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")
