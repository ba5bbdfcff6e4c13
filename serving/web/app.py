"""Assembles the pages and mounts them into the service."""

from datetime import timedelta

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from labs_schema.limits import PageLimits
from serving.api.middleware.json_bodies import PAGES_PATH
from serving.api.service import Service
from serving.deliveries.configured import Columns
from serving.review.copies import Copies
from serving.review.labelling.labelling import Labelling
from serving.web.error_pages import install_error_pages
from serving.web.rendering import STATIC
from serving.web.review_state import ReviewState
from serving.web.routes import ROUTERS
from serving.web.security_headers import SecurityHeaders
from serving.web.sessions import LIFETIME, SessionCookies, Sessions
from serving.web.shown import ShownSigner


class CachedFiles(StaticFiles):
    """Addresses of static files contain a part of their hash, so that browsers may cache them."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = f"max-age={PageLimits().static_cache_seconds}"
        return response


BLIND_SHARE = 0.1


def mount_pages(
    app: FastAPI,
    session_key: bytes,
    *,
    lifetime: timedelta = LIFETIME,
    blind_share: float = BLIND_SHARE,
    labelling: Labelling | None = None,
    columns: Columns | None = None,
) -> FastAPI:
    """Adds the pages below `/app` to a service made by `create_app`, and `GET /` that leads to them.

    `blind_share`: part of the criteria whose rating is hidden until a person has chosen. `labelling`: without it labs
    cannot be rated on the pages before a model has graded them. `columns`: those of LTI platforms, to send grades to.
    """
    service: Service = app.state.service
    pages = FastAPI(title="grader pages", docs_url=None, redoc_url=None, openapi_url=None)
    pages.state.service, pages.state.columns = service, columns
    pages.state.review = ReviewState(
        service.reviews, Copies(service.store.database), ShownSigner(session_key), blind_share, labelling
    )
    install_error_pages(pages)
    pages.add_middleware(SessionCookies, sessions=Sessions(session_key, lifetime))
    pages.add_middleware(SecurityHeaders)
    for router in ROUTERS:
        pages.router.routes.extend(router.routes)  # see create_app
    pages.mount("/static", CachedFiles(directory=STATIC))
    app.mount(PAGES_PATH, pages)
    app.router.routes.append(Route("/", _to_pages))
    return pages


async def _to_pages(request: Request) -> Response:
    return RedirectResponse(f"{request.scope.get('root_path', '')}{PAGES_PATH}/", status_code=303)
