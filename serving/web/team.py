"""The TAs of a course and the names of people, for pages on which several people review."""

from serving.api.service import Service
from serving.store.access.keys import ApiKey
from serving.store.access.roles import Role


def tas_of(service: Service) -> dict[str, ApiKey]:
    """Key id -> key, of those who may review the service's course, by name."""
    keys = [
        each
        for each in service.store.list_keys()
        if each.revoked_at is None and each.role in (Role.TA, Role.ADMIN) and each.opens(service.course.name)
    ]
    return {each.id: each for each in sorted(keys, key=lambda each: each.name.casefold())}


def key_names(service: Service) -> dict[str, str]:
    """Key id -> name, of all keys ever created: records name people by their keys."""
    return {each.id: each.name for each in service.store.list_keys()}
