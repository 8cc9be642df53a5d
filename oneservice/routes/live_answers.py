"""What every live answer says of itself."""

from typing import Any

from pydantic import BaseModel, Field

from contracts.instants import spelt
from oneservice.live.look_up import Found
from oneservice.service import Service, demand


class At(BaseModel):
    """Where the service stands in the topic that answers."""

    topic: str
    partition: int = Field(description="The partition in which the record is.")
    next_offset: int = Field(description="Everything before this offset is in the answer.")


class Live(BaseModel):
    """How far the answer can be trusted."""

    as_of: str | None = Field(
        description="Everything that the platform had been sent by this moment is in the answer. null: it cannot be told."
    )
    age_seconds: float | None = Field(description="How long ago that was.")
    position: At
    said: str = Field(description='Why it is no newer: what does not run. "" while everything runs.')


def about(service: Service, found: Found[Any], most: float | None) -> dict[str, Any]:
    """The fields of `Live`. Raises `Problem` when the answer is older than `most` seconds."""
    demand(service, found.as_of, most)
    return {
        "as_of": spelt(found.as_of) if found.as_of else None,
        "age_seconds": service.age(found.as_of) if found.as_of else None,
        "position": At(**found.position._asdict()),
        "said": found.said,
    }
