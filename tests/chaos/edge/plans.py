"""What happens in a trial: drawn from a seed, or written by hand for a planted bug."""

import random

from tests.chaos.edge.shop import Death, Plan

SHOPS = 20
RECEIPTS = 10_000
TILL_STEPS = ("before commit", "committed", "sync", "synced")
LINE_STEPS = ("read", "handed over", "acknowledged", "cursor moved", "sync", "synced")


def drawn(seed: int, receipts: int = RECEIPTS, shops: int = SHOPS) -> list[Plan]:
    """`shops` shops with `receipts` receipts between them while they are offline, and some more when they are back."""
    dice = random.Random(f"edge {seed}")
    fates = ["page", "page", "flip", "budget", "budget", "swallow", "swallow", "swallow"]
    chosen = fates + [""] * (shops - len(fates))
    dice.shuffle(chosen)
    return [_shop(dice, f"S{n:02d}", receipts // shops, fate) for n, fate in enumerate(chosen)]


def _shop(dice: random.Random, store: str, receipts: int, fate: str) -> Plan:
    behaviour = receipts * (2 if fate == "budget" else 1) // 2
    live = _mixed(dice, receipts // 20, receipts // 200, receipts // 40)
    work = _mixed(dice, receipts, receipts // 10, behaviour) + live
    till = tuple(
        Death(dice.choice(TILL_STEPS), dice.randint(1, len(work)), dice.random() < 0.5)
        for _ in range(dice.randint(0, 3))
    )
    line = tuple(
        Death(dice.choice(LINE_STEPS), dice.randint(1, 10), dice.random() < 0.4) for _ in range(dice.randint(0, 2))
    )
    return Plan(
        store,
        tuple(work),
        live=len(live),
        till=till or (Death("committed", len(work) // 2),),
        line=line,
        damage=fate if fate in ("page", "flip") else "",
        # Room for every payment, and not for all of the behaviour.
        budget_mb=(receipts * 441 + 140_000) / (1 << 20) if fate == "budget" else 64.0,
        swallow=5 if fate == "swallow" else 0,
    )


def _mixed(dice: random.Random, payments: int, stock: int, behaviour: int) -> list[tuple[str, int]]:
    left = {"payments": payments, "stock": stock, "behaviour": behaviour}
    work: list[tuple[str, int]] = []
    while any(left.values()):
        lane = dice.choice([lane for lane, count in left.items() for _ in range(1 + (lane == "payments")) if count])
        count = min(left[lane], dice.randint(1, 25))
        left[lane] -= count
        work.append((lane, count))
    return work


def _work(*parts: tuple[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(
        (lane, 1 if count < 40 else 10) for lane, count in parts for _ in range(count if count < 40 else count // 10)
    )


WORK = _work(("behaviour", 100), ("payments", 30), ("stock", 5), ("payments", 200))
NEVER = 3600.0

# Each planted bug with the trial that must show it: one shop, one fault, at a fixed point. Without the bug all are clean.
SCRIPTS: dict[str, Plan] = {
    "cursor_before_ack": Plan("S01", WORK, line=(Death("read", 3),), grace_s=NEVER),
    "synchronous_off": Plan("S01", WORK, till=(Death("committed", 20, power_cut=True),)),
    "acked_before_commit": Plan("S01", WORK, till=(Death("sync", 30),)),
    "lane_order_ignored": Plan("S01", WORK),
    "epoch_kept": Plan("S01", WORK, live=6, damage="junk"),
    "asking_ignored": Plan("S01", WORK, swallow=5),
    "shed_in_silence": Plan("S01", _work(("behaviour", 600), ("payments", 100)), budget_mb=0.25),
    "checksum_ignored": Plan("S01", WORK, till=(Death("committed", 40),), damage="flip"),
}
