"""The rights of a person, from the roles of a launch: review the course, or see only their own work.

Only roles in the course count: an administrator or teacher of the institution may be a student of this course. Unknown
roles give no right.
"""

from collections.abc import Iterable

MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership"
STAFF = frozenset({"Instructor", "Administrator"})
"""Roles in a course (LTI 1.3, appendix A.2.3), also as short names."""
ASSISTANTS = frozenset({"TeachingAssistant", "Grader", "Lecturer", "PrimaryInstructor", "SecondaryInstructor"})
"""Kinds of instructors (A.2.3.1). Together with the role of a learner, a platform means a student who helps others."""
LEARNER = "Learner"


def is_staff(roles: Iterable[str]) -> bool:
    """Whether a person with these roles may review everyone's work."""
    found = {each.removeprefix(f"{MEMBERSHIP}#") for each in roles}
    assists = {f"{MEMBERSHIP}/Instructor#{each}" for each in ASSISTANTS} | ASSISTANTS
    return bool(found & STAFF) or (bool(found & assists) and LEARNER not in found)
