"""The base class of all records."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """An immutable record that rejects unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")
