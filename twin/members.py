"""Who is at the till: invented loyalty cards and phones for the real households."""

import polars as pl

from twin.dice import Dice

HAS_CARD, SHOWS_CARD = 0.85, 0.70
HAS_PHONE, SAYS_PHONE = 0.70, 0.15
# Ranges that Chinese networks have given out for years, so that no checker of phone numbers doubts them.
PHONE_STARTS = tuple(map(str, (*range(130, 134), *range(135, 140), 150, 151, 152, 155, 157, 158, 159, 166, 176, 177,
                               180, 182, *range(186, 190), 198, 199)))  # fmt: skip
PHONE_FORMS = ("{}{}{}", "{}{}{}", "{} {} {}", "{}-{}-{}", "+86 {} {} {}", "+86{}{}{}", "0086 {}{}{}")


def identifiers(receipts: pl.DataFrame, dice: Dice) -> pl.DataFrame:
    """`receipts` with the columns card and phone: what the customer showed or said, null when nothing."""
    shows_card = _true(HAS_CARD, dice, "has card") & (dice.unit("shows card", "uid") < SHOWS_CARD)
    says_phone = _true(HAS_PHONE, dice, "has phone") & (dice.unit("says phone", "uid") < SAYS_PHONE)
    chance = dice.below(10**7, "card", "household_id", "copy")
    # Copy and household are in the number, so no two are equal; 9 leads no bank card.
    body = (9 * 10**7 + chance) * 10**7 + pl.col("copy").cast(pl.Int64) * 10**4 + pl.col("household_id")
    return (
        receipts.with_columns(body=body)
        .with_columns(card=pl.when(shows_card).then(_card()), phone=pl.when(says_phone).then(_written(dice)))
        .drop("body")
    )


def _true(share: float, dice: Dice, purpose: str) -> pl.Expr:
    return dice.unit(purpose, "household_id", "copy") < share


def _card() -> pl.Expr:
    """16 digits: the 15 of `body` and a Luhn digit."""
    digits = [(pl.col("body") // 10**i) % 10 for i in range(15)]
    # Luhn: every second digit, from the one beside the check digit, is doubled and its digits are added.
    doubled = [d * 2 - pl.when(d > 4).then(9).otherwise(0) if i % 2 == 0 else d for i, d in enumerate(digits)]
    return pl.concat_str("body", (10 - pl.sum_horizontal(*doubled) % 10) % 10)


def _written(dice: Dice) -> pl.Expr:
    """The household's phone in one of the forms in which people give it."""
    start = dice.choice(PHONE_STARTS, "phone start", "household_id", "copy")
    rest = dice.below(10**8, "phone", "household_id", "copy").cast(pl.String).str.zfill(8)
    parts = (start, rest.str.head(4), rest.str.tail(4))
    form = dice.below(len(PHONE_FORMS), "phone form", "uid")
    return pl.coalesce(*(pl.when(form == n).then(pl.format(text, *parts)) for n, text in enumerate(PHONE_FORMS)))
