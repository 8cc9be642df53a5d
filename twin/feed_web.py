"""The web shop's feed: webhooks of its orders and the calls of its visitors, with their faults."""

from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from twin.faults import Rates
from twin.feed import World
from twin.segment import Sent, sent
from twin.sending import Message, Refusal, dice_of, send, spoil
from twin.shopify import Delivery, deliveries, envelope
from twin.spoilt_web import SEGMENT, SHOPIFY
from twin.visits import visits


class Web(msgspec.Struct, frozen=True):
    """What the web shop told, and what of it must be refused, by format."""

    told: list[Delivery]
    calls: list[Sent]
    refused: dict[str, list[Refusal]]


def write(folder: Path, world: World, rates: Rates, seed: int) -> Web:
    """Writes folder/shopify/webhooks-<day>.jsonl and folder/segment/calls-<day>.jsonl."""
    release = datetime.combine(world.days[0], datetime.min.time()) + timedelta(days=len(world.days) / 2)
    told = deliveries(world.web, world.people, world.products, release)
    hooks = [Message(d.uid, d.at, envelope(d)) for d in told]
    dice = dice_of(seed, "shopify")
    spoiled = spoil(hooks, SHOPIFY, rates.poison, dice)
    refused_hooks, _ = send(folder / "shopify", "webhooks-{day}.jsonl", hooks, spoiled, world.days, rates, dice)

    dice = dice_of(seed, "segment")
    calls = sent(visits(world.web, world.people, world.days, dice), world.web, world.people, world.products, dice)
    lines = [Message(line.uid, line.at, line.line()) for line in calls]
    spoiled = spoil(lines, SEGMENT, rates.poison, dice)
    refused_calls, _ = send(folder / "segment", "calls-{day}.jsonl", lines, spoiled, world.days, rates, dice)
    return Web(told, calls, {"shopify": refused_hooks, "segment": refused_calls})
