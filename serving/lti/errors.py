"""Errors of LTI: a launch that is refused, or a registration that cannot be used."""

from labs_schema.errors import GraderError


class LtiError(GraderError):
    """The codes `lti-*` of `issues.yaml`. The message names no person and quotes no token."""

    code = "lti-refused"
