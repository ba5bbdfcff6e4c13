"""What a key may do. Imports nothing, so that `grader --help` may name the roles."""

from enum import StrEnum


class Role(StrEnum):
    """`platform` sends work and reads its grades, `ta` overrides too, `admin` makes keys and forgets students too."""

    PLATFORM = "platform"
    TA = "ta"
    ADMIN = "admin"
