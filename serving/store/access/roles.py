"""Roles of API keys. Imports no library, so that `grader --help` can list the roles quickly."""

from enum import StrEnum


class Role(StrEnum):
    """`platform` submits programs and reads their grades, `ta` may also override, `admin` may do everything."""

    PLATFORM = "platform"
    TA = "ta"
    ADMIN = "admin"
