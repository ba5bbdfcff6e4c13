"""The OpenAPI description at `/openapi.json`, and at `/docs` a page to try it that loads nothing from other hosts."""

from importlib.resources import files
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse

from labs_schema.limits import ServiceLimits
from serving.api.authorization import public

MEDIA_TYPES = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css", "favicon.png": "image/png"}
Asset = Literal["swagger-ui-bundle.js", "swagger-ui.css", "favicon.png"]
CACHED = {"Cache-Control": f"max-age={ServiceLimits().docs_cache_seconds}"}

router = APIRouter(include_in_schema=False, dependencies=[public])


@router.get("/openapi.json")
async def openapi(request: Request) -> dict[str, Any]:
    description: dict[str, Any] = request.app.openapi()
    return description


@router.get("/docs")
async def docs() -> HTMLResponse:
    return get_swagger_ui_html(
        openapi_url="openapi.json",
        title="grader",
        swagger_js_url="docs/swagger-ui-bundle.js",
        swagger_css_url="docs/swagger-ui.css",
        swagger_favicon_url="docs/favicon.png",
    )


@router.get("/docs/{asset}")
async def asset(asset: Annotated[Asset, Path()]) -> Response:
    data = files("fastapi_offline").joinpath("static", asset).read_bytes()
    return Response(data, media_type=MEDIA_TYPES[asset], headers=CACHED)
