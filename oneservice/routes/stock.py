"""`/v1/stock`: what stands where, as the stream knows it now."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field

from contracts.stock import Ledger, StockLevel
from oneservice.problems import Problem, documented
from oneservice.routes.live_answers import Live, about
from oneservice.service import STRICT, Asking, MaxAge, Shared, counted

router = APIRouter(tags=["live"], responses=documented(), dependencies=STRICT)
Sku = Annotated[str, Path(max_length=200, description="The product (SKU).", examples=["1029743"])]
Location = Annotated[str, Path(max_length=200, description="A shop or a warehouse.", examples=["S0367"])]


class Level(BaseModel):
    """Stock of one product in one place, in whole base units (`unit`)."""

    location: str
    on_hand: int = Field(description="What stands there: the last count, and what moved after it. 在手")
    unit: str
    damaged: int = Field(description="Of that: damaged. 残损")
    quality_control: int = Field(description="Of that: held for quality control. 质检")
    incoming: int = Field(description="On its way there. 在途")
    counted_at: str | None = Field(description="The end of the last count, if there was one.")
    moved_at: str = Field(description="The latest event time that is in the figure.")
    movements: int = Field(description="How many movements and counts are in it.")


class Stock(Live):
    """Where a product stands."""

    sku: str
    on_hand: int = Field(description="The sum over the locations that your role sees.")
    locations: list[Level]


class StockAt(Live):
    """Stock of one product in one place."""

    sku: str
    level: Level


@router.get("/v1/stock/{sku}", summary="Where does a product stand?", response_model=Stock)
def stock(service: Shared, caller: Asking, request: Request, sku: Sku, max_age_seconds: MaxAge = None) -> Stock:
    """Every location that has, or had, the product, with what stands there now. 商品在各地点的实时库存"""
    caller.must("stock")
    found = service.live.stock(sku)
    told = about(service, found, max_age_seconds)
    levels = [_level(one) for one in found.records if caller.sees({"location": one.location})]
    if not levels:
        raise Problem(404, "no_such_stock", "No location that your role sees has had this product.", "Check the SKU.")
    counted(request, len(levels))
    return Stock(**told, sku=sku, on_hand=sum(level.on_hand for level in levels), locations=levels)


@router.get("/v1/stock/{sku}/{location}", summary="What stands in one place?", response_model=StockAt)
def stock_at(
    service: Shared, caller: Asking, request: Request, sku: Sku, location: Location, max_age_seconds: MaxAge = None
) -> StockAt:
    """What stands of a product in one shop or warehouse now. 单点实时库存"""
    caller.must("stock")
    found = service.live.level(sku, location)
    told = about(service, found, max_age_seconds)
    if found.records is None or not caller.sees({"location": location}):
        do = "See /v1/stock/{sku} for where it stands."
        raise Problem(404, "no_such_stock", "This product never stood there, or your role does not see the place.", do)
    counted(request, 1)
    return StockAt(**told, sku=sku, level=_level(found.records))


def _level(one: StockLevel) -> Level:
    ledger = one.ledger or Ledger()
    return Level(
        location=one.location,
        on_hand=one.on_hand,
        unit=one.unit,
        damaged=ledger.damaged,
        quality_control=ledger.quality_control,
        incoming=ledger.incoming,
        counted_at=ledger.counted_at or None,
        moved_at=one.as_of,
        movements=one.movements,
    )
