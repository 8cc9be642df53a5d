"""`GET /healthz`: a real query on what is published, and how old it is. Needs no token, and says nothing of the data."""

from typing import Literal

import duckdb
from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from contracts.errors import ZhongtaiError
from contracts.instants import spelt
from oneservice.live.roads import FOLLOWED
from oneservice.problems import documented
from oneservice.publication import OWNER
from oneservice.service import STRICT, Service, Shared

router = APIRouter(tags=["service"], responses=documented(405, 422), dependencies=STRICT)


class Marts(BaseModel):
    """The publication that answers."""

    version: int = Field(description="Its number. 0: nothing has been published.")
    as_of: str | None = Field(
        description="When the last run began that looked for something new: all until then is in it."
    )
    age_seconds: float | None = Field(description="How long ago that was.")


class LiveTopic(BaseModel):
    """A state topic that live look-ups are answered from."""

    topic: str
    as_of: str | None = Field(
        description="Everything sent to the platform by this moment is in. null: it cannot be told."
    )
    age_seconds: float | None
    said: str = Field(description='Why it is no newer. "" while everything runs.')


class Health(BaseModel):
    """Whether the service can answer."""

    status: Literal["ok", "degraded"] = Field(
        description="`degraded`: some of it cannot be answered; `said` tells what."
    )
    marts: Marts
    live: list[LiveTopic]
    said: list[str] = Field(description="What is wrong and what to do, a line each.")


@router.get(
    "/healthz",
    summary="Is the service well?",
    response_model=Health,
    responses={503: {"model": Health, "description": "The marts cannot be asked."}},
)
def healthz(service: Shared, response: Response) -> Health:
    """Asks the published file a question, at each call; a port that answers proves nothing.

    200 while the marts answer, else 503. Stale live data are told (`degraded`), and are no failure.
    """
    marts, said = _marts(service)
    live = [_live(service, one.topic) for one in FOLLOWED]
    said += [f"{one.topic}: {one.said}" for one in live if one.said]
    response.status_code = 200 if marts.version else 503
    return Health(status="degraded" if said else "ok", marts=marts, live=live, said=said)


def _marts(service: Service) -> tuple[Marts, list[str]]:
    try:
        with service.publications.opened(OWNER) as (con, version, as_of):
            con.execute("SELECT count(*) FROM meta_run").fetchone()
    except ZhongtaiError as error:
        return Marts(version=0, as_of=None, age_seconds=None), [f"{error.wrong} {error.do}"]
    except duckdb.Error:
        return Marts(version=0, as_of=None, age_seconds=None), [
            "The published file cannot be read. Run: zhongtai run --fresh"
        ]
    return Marts(version=version, as_of=spelt(as_of), age_seconds=service.age(as_of)), []


def _live(service: Service, topic: str) -> LiveTopic:
    _, held, said = service.live.freshness(topic)
    age = service.age(held.as_of) if held.as_of else None
    return LiveTopic(topic=topic, as_of=spelt(held.as_of) if held.as_of else None, age_seconds=age, said=said)
