"""Signed values that a browser brings back to the tool: the ticket of a new window, the choice of a lab."""

from datetime import timedelta
from secrets import token_urlsafe
from typing import TypeVar

from itsdangerous import BadSignature, URLSafeTimedSerializer
from pydantic import Field, JsonValue, ValidationError

from labs_schema.frozen import Frozen
from labs_schema.limits import LtiLimits
from serving.lti.errors import LtiError
from serving.lti.single_use import use_once
from serving.store.database import Database

LIMITS = LtiLimits()
Value = TypeVar("Value", bound=Frozen)


class Ticket(Frozen):
    """Opens `path` in a new window, once, as the key `key`; an empty key belongs to no one."""

    key: str
    path: str
    id: str = Field(default_factory=lambda: token_urlsafe(16))


class Choice(Frozen):
    """A deep-linking request that waits for a lab. `key`: that of the TA who chooses. `data` is the platform's."""

    platform: str
    deployment: str
    course: str
    key: str
    return_url: str
    with_line_item: bool
    data: JsonValue


class Signed:
    """`key` signs the values: that of the sessions, which all processes of a service have."""

    def __init__(self, key: bytes, database: Database) -> None:
        self._database = database
        kinds: tuple[type[Frozen], ...] = (Ticket, Choice)
        self._signers = {kind: URLSafeTimedSerializer(key, salt=f"lti-{kind.__name__}") for kind in kinds}

    def sign(self, value: Ticket | Choice) -> str:
        return str(self._signers[type(value)].dumps(value.model_dump()))

    def use_ticket(self, token: str) -> Ticket:
        """Raises LtiError: `lti-state` for a forged or expired one, `lti-replayed` for one that was used."""
        valid_for = timedelta(minutes=LIMITS.ticket_minutes)
        ticket = self._read(Ticket, token, valid_for, "lti-state")
        use_once(self._database, "ticket", ticket.id, 2 * valid_for)
        return ticket

    def read_choice(self, token: str) -> Choice:
        """Raises LtiError (`lti-choice`) for a forged or expired one."""
        return self._read(Choice, token, timedelta(minutes=LIMITS.choice_minutes), "lti-choice")

    def _read(self, kind: type[Value], token: str, valid_for: timedelta, code: str) -> Value:
        try:
            return kind.model_validate(self._signers[kind].loads(token, max_age=int(valid_for.total_seconds())))
        except (BadSignature, ValidationError):
            raise LtiError("The token of the form is forged or too old.", code=code) from None
