"""A typed Python client of the HTTP service: `Client`, and `AsyncClient` for asyncio."""

from grader.client.clients import AsyncClient, Client
from grader.client.errors import ApiError, ServiceUnreachableError

__all__ = ["ApiError", "AsyncClient", "Client", "ServiceUnreachableError"]
