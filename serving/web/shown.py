"""The state of a shown page, signed into its form: whether a decision was blind is not the browser's to state."""

from datetime import UTC, datetime

from itsdangerous import BadSignature, URLSafeSerializer
from pydantic import ValidationError

from labs_schema.frozen import Frozen
from serving.store.ledger import timestamp


class Shown(Frozen):
    """`grade`: its id. `at`: when the page was rendered. `blind`: positions of the criteria whose rating was hidden."""

    grade: str
    at: str
    blind: tuple[int, ...]


class ShownSigner:
    def __init__(self, key: bytes) -> None:
        self._signer = URLSafeSerializer(key, salt="shown")

    def sign(self, grade: str, blind: tuple[int, ...]) -> str:
        return str(self._signer.dumps(Shown(grade=grade, at=timestamp(datetime.now(UTC)), blind=blind).model_dump()))

    def read(self, token: str, grade: str) -> Shown | None:
        """None for a token that was changed, or is of another grade."""
        try:
            shown = Shown.model_validate(self._signer.loads(token))
        except (BadSignature, ValidationError):
            return None
        return shown if shown.grade == grade else None
