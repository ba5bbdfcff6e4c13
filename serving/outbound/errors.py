"""Errors of outbound requests."""

from labs_schema.errors import GraderError


class OutboundRefusedError(GraderError):
    """The request was not sent: its URL or its host's address is not permitted."""

    code = "outbound-refused"


class OutboundFailedError(GraderError):
    """The host is unknown or unreachable, or its response is not complete. The request may have had an effect."""

    code = "outbound-failed"


class OutboundTooLargeError(GraderError):
    """The response is larger than the limit."""

    code = "outbound-too-large"
