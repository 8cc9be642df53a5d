"""Who is at the till: cards shown and phones said, some of them somebody else's, or wrong."""

import polars as pl

from twin.dice import Dice

SHOWS_CARD, SAYS_PHONE = 0.70, 0.15
MISTYPED = 0.02  # of phones said
# In some shops the assistants type their own number for customers who give none, to earn the points.
KEEN_SHOPS, OWN_NUMBER = 0.3, 0.06
PHONE_FORMS = ("{}{}{}", "{}{}{}", "{} {} {}", "{}-{}-{}", "+86 {} {} {}", "+86{}{}{}", "0086 {}{}{}")
# Whose phone was written on a receipt.
OWN, FAMILY, RECYCLED, MISTYPED_, ASSISTANT = "own", "family", "recycled", "mistyped", "assistant"


def identifiers(receipts: pl.DataFrame, people: pl.DataFrame, first: pl.Expr, dice: Dice) -> pl.DataFrame:
    """`receipts` with card and phone (as written) and, for the truth, digits (the phone's 11 digits) and whose.

    `first` is the first day of the world. Null: nothing was shown or said.
    """
    who = people.select("person", "household_id", "copy", "k", "card", "phone", "gives_up", "takes_up")
    heads = who.filter(pl.col("k") == 1).select("household_id", "copy", head_card="card", head_phone="phone")
    asked = (
        receipts.join(who.drop("household_id", "copy", "k"), on="person", how="left", maintain_order="left")
        .with_columns(pl.col("copy").cast(pl.Int64))
        .join(heads, on=["household_id", "copy"], how="left", maintain_order="left")
    )
    day = (pl.col("at").dt.date() - first).dt.total_days()
    # A number that passed on is its first owner's before one day and its second owner's after another.
    holds = pl.col("phone").is_not_null() & (
        (pl.col("gives_up").is_null() | (day < pl.col("gives_up")))
        & (pl.col("takes_up").is_null() | (day >= pl.col("takes_up")))
    )
    own = pl.when(holds).then("phone")
    said = dice.unit("says phone", "uid") < SAYS_PHONE
    keen = dice.unit("keen shop", "store_id", "copy") < KEEN_SHOPS
    types_own = keen & (dice.unit("own number", "uid") < OWN_NUMBER)
    wrong = dice.unit("mistyped", "uid") < MISTYPED
    return (
        asked.with_columns(
            card=pl.when(dice.unit("shows card", "uid") < SHOWS_CARD).then(pl.coalesce("card", "head_card")),
            own=own,
            said=pl.when(said).then(pl.coalesce(own, "head_phone")),
        )
        .with_columns(
            whose=pl.when(pl.col("said").is_not_null() & wrong).then(pl.lit(MISTYPED_))
            .when(pl.col("said").is_not_null() & pl.col("own").is_null()).then(pl.lit(FAMILY))
            .when(pl.col("said").is_not_null() & pl.col("takes_up").is_not_null()).then(pl.lit(RECYCLED))
            .when(pl.col("said").is_not_null()).then(pl.lit(OWN))
            .when(types_own & pl.col("card").is_null()).then(pl.lit(ASSISTANT)),
        )
        .with_columns(
            digits=pl.when(pl.col("whose") == MISTYPED_).then(_one_digit_off(dice))
            .when(pl.col("whose") == ASSISTANT).then(assistants_phone(dice))
            .otherwise("said"),
        )
        .with_columns(phone=_written(dice))
        .drop("own", "said", "head_card", "head_phone", "gives_up", "takes_up")
    )  # fmt: skip


def assistants_phone(dice: Dice) -> pl.Expr:
    rest = dice.below(10**8, "assistant's phone", "store_id", "copy").cast(pl.String).str.zfill(8)
    return pl.concat_str(pl.lit("137"), rest)


def _one_digit_off(dice: Dice) -> pl.Expr:
    """`said` with one of its last seven digits changed: still a phone, but another's or nobody's."""
    at = 4 + dice.below(7, "which digit", "uid")
    digit = pl.col("said").str.slice(at, 1).cast(pl.Int64, strict=False)
    other = (digit + 1 + dice.below(9, "other digit", "uid")) % 10
    return pl.concat_str(pl.col("said").str.slice(0, at), other, pl.col("said").str.slice(at + 1))


def _written(dice: Dice) -> pl.Expr:
    """`digits` in one of the forms in which people give it."""
    number = pl.col("digits")
    parts = (number.str.slice(0, 3), number.str.slice(3, 4), number.str.slice(7, 4))
    form = dice.below(len(PHONE_FORMS), "phone form", "uid")
    return pl.coalesce(*(pl.when(form == n).then(pl.format(text, *parts)) for n, text in enumerate(PHONE_FORMS)))
