"""Who buys: households of several people, and all the identifiers by which systems know them.

Households, and for a third of them their size, are the data's own. Everything else is invented: names, addresses, phones,
cards, e-mails, logins, WeChat ids, devices and cookies.

Columns of people, one row each, ordered by person: person, household_id, copy, k (1: the head), name, phone, card, email,
login, union_id, open_id, device, cookie, cookie2, customer_no (what the web shop numbers them by), online; the
address: province, city, district, street, postcode; gives_up and takes_up (days of the world, from 0: a phone that
changed hands; null otherwise), registered (day). An identifier that a person does not have is null.
"""

import polars as pl

from twin.baskets import data_file
from twin.dice import Dice
from twin.names import CITIES, COMPOUNDS, GIVEN, SURNAMES

MOST_PEOPLE = 5
HAS_PHONE, HAS_CARD, HEAD_HAS_CARD = 0.80, 0.45, 0.85
ONLINE, HAS_WECHAT, SECOND_COOKIE, SHARED_DEVICE = 0.35, 0.60, 0.35, 0.10
# Numbers that a network took back and gave to somebody else within the window.
RECYCLED = 0.015
GIVEN_UP, TAKEN_UP = 0.35, 0.55
# Ranges that Chinese networks have given out for years, so that no checker of phone numbers doubts them.
PHONE_STARTS = tuple(map(str, (*range(130, 134), *range(135, 140), 150, 151, 152, 155, 157, 158, 159, 166, 176, 177,
                               180, 182, *range(186, 190), 198, 199)))  # fmt: skip
MAIL_DOMAINS = ("qq.com", "qq.com", "163.com", "163.com", "126.com", "sina.com", "outlook.com", "foxmail.com")
HEX = "0123456789abcdef"
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789-_"
# The demographics' words for how many live there; "5+" is 5.
UNKNOWN_SIZES = ("1", "2", "2", "2", "3", "3", "4", "5")


def people(households: pl.DataFrame, days: int, dice: Dice) -> pl.DataFrame:
    """Everybody who lives in `households` (household_id, copy) of a world of `days`."""
    who = _members(households, dice)
    who = _named(who, dice)
    who = _numbered(who, dice)
    who = _online(who, dice)
    return _recycled(_addressed(who, dice), days, dice).sort("person")


def _members(households: pl.DataFrame, dice: Dice) -> pl.DataFrame:
    told = pl.read_parquet(data_file("demographics"), columns=["household_id", "household_size"]).select(
        pl.col("household_id").cast(pl.Int64), told=pl.col("household_size").cast(pl.String).str.head(1).cast(pl.Int64)
    )
    guessed = dice.choice(UNKNOWN_SIZES, "household size", "household_id", "copy").cast(pl.Int64)
    return (
        households.select(pl.col("household_id", "copy").cast(pl.Int64))
        .join(told, on="household_id", how="left")
        .with_columns(size=pl.coalesce("told", guessed))
        .with_columns(k=pl.int_ranges(1, pl.col("size") + 1))
        .explode("k")
        .with_columns(person=(pl.col("copy") * 100_000 + pl.col("household_id")) * 10 + pl.col("k"))
        .drop("told", "size")
    )


def _named(who: pl.DataFrame, dice: Dice) -> pl.DataFrame:
    """Adds name and latin. Husband and wife keep their surnames; children have the head's."""
    # Squaring an even draw makes the first surnames the frequent ones.
    surname = (dice.unit("surname", "copy", "household_id", "whose") ** 2 * len(SURNAMES)).floor().cast(pl.Int64)
    surnames, given = list(SURNAMES), list(GIVEN)
    first, second = (dice.below(len(GIVEN), purpose, "person") for purpose in ("given", "given 2"))
    two = dice.unit("two characters", "person") < 0.8
    return (
        who.with_columns(whose=pl.when(pl.col("k") == 2).then(2).otherwise(1))
        .with_columns(surname=surname, first=first, second=pl.when(two).then(second))
        .with_columns(
            name=pl.concat_str(
                _of(surnames, "surname"), _of(given, "first"), _of(given, "second").fill_null(""),
            ),
            latin=pl.concat_str(
                _of(list(GIVEN.values()), "first"),
                _of(list(GIVEN.values()), "second").fill_null(""),
                pl.lit("."),
                _of(list(SURNAMES.values()), "surname"),
            ),
        )
        .drop("whose", "surname", "first", "second")
    )  # fmt: skip


def _of(among: list[str], column: str) -> pl.Expr:
    return pl.col(column).replace_strict(list(range(len(among))), among, return_dtype=pl.String)


def _numbered(who: pl.DataFrame, dice: Dice) -> pl.DataFrame:
    """Adds phone and card. No two people are given the same one."""
    adult, head = pl.col("k") <= 2, pl.col("k") == 1
    start = dice.choice(PHONE_STARTS, "phone start", "person")
    rest = dice.below(10**8, "phone", "person").cast(pl.String).str.zfill(8)
    # Copy, household and person are in the number, so no two are equal; 9 leads no bank card.
    body = (
        9 * 10**14 + dice.below(10**5, "card", "person") * 10**9
        + pl.col("copy") * 10**6 + pl.col("household_id") * 100 + pl.col("k")
    )  # fmt: skip
    card = dice.unit("has card", "person") < pl.when(head).then(HEAD_HAS_CARD).when(adult).then(HAS_CARD).otherwise(0)
    return (
        who.with_columns(body=body, has=card)
        .with_columns(
            phone=pl.when(adult & (dice.unit("has phone", "person") < HAS_PHONE)).then(pl.concat_str(start, rest)),
            card=pl.when("has").then(luhn("body")),
        )
        # Two people may draw the same phone: the second has none.
        .with_columns(phone=pl.when(pl.col("phone").is_first_distinct()).then("phone"))
        .drop("body", "has")
    )


def luhn(body: str) -> pl.Expr:
    """The 15 digits of column `body` and their check digit."""
    digits = [(pl.col(body) // 10**i) % 10 for i in range(15)]
    # Luhn: every second digit, from the one beside the check digit, is doubled and its digits are added.
    doubled = [d * 2 - pl.when(d > 4).then(9).otherwise(0) if i % 2 == 0 else d for i, d in enumerate(digits)]
    return pl.concat_str(body, (10 - pl.sum_horizontal(*doubled) % 10) % 10)


def _online(who: pl.DataFrame, dice: Dice) -> pl.DataFrame:
    """Adds what the web shop and the app know: of adults with a phone, some shop there."""
    online = pl.col("phone").is_not_null() & (dice.unit("online", "person") < ONLINE)
    wechat = dice.unit("wechat", "person") < HAS_WECHAT
    second = dice.unit("second cookie", "person") < SECOND_COOKIE
    domain = dice.choice(MAIL_DOMAINS, "mail domain", "person")
    # One computer for the family: the cookie of the head stands beside both logins.
    shared = dice.unit("shared device", "household_id", "copy") < SHARED_DEVICE
    own, common = uuid(dice, "cookie", "person"), uuid(dice, "cookie", "household_id", "copy")
    who = who.with_columns(online=online, registered=dice.below(400, "registered", "person") - 400)
    known = who.filter("online").select(
        "person",
        email=pl.concat_str("latin", pl.col("person") - 1_000_000, pl.lit("@"), domain),
        customer_no=7_000_000_000_000 + pl.col("person"),
        login=pl.concat_str(pl.lit("u"), pl.col("person").cast(pl.String).str.zfill(9)),
        union_id=pl.when(wechat).then(pl.concat_str(pl.lit("oU6xK"), _letters(dice, "union id"))),
        open_id=pl.when(wechat).then(pl.concat_str(pl.lit("oWx5q"), _letters(dice, "open id"))),
        device=uuid(dice, "device", "person").str.to_uppercase(),
        cookie=pl.when(shared).then(common).otherwise(own),
        cookie2=pl.when(second).then(uuid(dice, "cookie 2", "person")),
    )
    return who.join(known, on="person", how="left", maintain_order="left")


def uuid(dice: Dice, purpose: str, *keys: str) -> pl.Expr:
    """A random UUID (version 4)."""
    high, low = (_digits(dice.bits(f"{purpose} {half}", *keys), HEX, 16) for half in ("high", "low"))
    return pl.concat_str(
        high.str.slice(0, 8), pl.lit("-"), high.str.slice(8, 4), pl.lit("-4"), high.str.slice(13, 3),
        pl.lit("-a"), low.str.slice(1, 3), pl.lit("-"), low.str.slice(4, 12)
    )  # fmt: skip


def _letters(dice: Dice, purpose: str) -> pl.Expr:
    return pl.concat_str(*(_digits(dice.bits(f"{purpose} {n}", "person"), LETTERS, 10) for n in range(2)))


def _digits(bits: pl.Expr, alphabet: str, count: int) -> pl.Expr:
    def written(numbers: pl.Series) -> pl.Series:
        base = len(alphabet)
        texts = ["".join(alphabet[n // base**i % base] for i in range(count)) for n in numbers]
        return pl.Series(texts, dtype=pl.String)

    return bits.map_batches(written, return_dtype=pl.String)


def _addressed(who: pl.DataFrame, dice: Dice) -> pl.DataFrame:
    """Adds where they live: the same for a household."""
    home = ("household_id", "copy")
    places = pl.DataFrame(
        [(c.province, c.city, c.postcode, d, r) for c in CITIES for d in c.districts for r in c.roads],
        schema=["province", "city", "postcode", "district", "road"],
        orient="row",
    ).with_row_index("place")
    compound = dice.choice(COMPOUNDS, "compound", *home)
    street = pl.concat_str(
        "road", 1 + dice.below(1200, "house", *home), pl.lit("号"), compound, 1 + dice.below(30, "block", *home),
        pl.lit("栋"), 1 + dice.below(3, "stairs", *home), pl.lit("单元"),
        (1 + dice.below(24, "floor", *home)) * 100 + 1 + dice.below(4, "door", *home), pl.lit("室")
    )  # fmt: skip
    return (
        who.with_columns(place=dice.below(places.height, "place", *home).cast(pl.UInt32))
        .join(places, on="place", how="left")
        .with_columns(street=street)
        .drop("place", "road", "latin")
    )


def _recycled(who: pl.DataFrame, days: int, dice: Dice) -> pl.DataFrame:
    """Adds gives_up and takes_up: some numbers pass, after a gap, to an adult who had none and lives elsewhere."""
    draw = dice.bits("recycled", "person")
    before = who.filter(pl.col("phone").is_not_null() & ~pl.col("online")).sort(draw, "person")
    after = who.filter(pl.col("phone").is_null() & (pl.col("k") <= 2)).sort(draw, "person")
    count = min(round(RECYCLED * before.height), after.height)
    pairs = pl.DataFrame(
        {
            "old": before["person"].head(count),
            "person": after["person"].head(count),
            "number": before["phone"].head(count),
        }
    ).filter(pl.col("old") // 10 != pl.col("person") // 10)
    given, taken = int(days * GIVEN_UP), int(days * TAKEN_UP)
    return (
        who.join(pairs.select("person", "number"), on="person", how="left", maintain_order="left")
        .with_columns(
            gives_up=pl.when(pl.col("person").is_in(pairs["old"].implode())).then(given),
            takes_up=pl.when(pl.col("number").is_not_null()).then(taken),
            phone=pl.coalesce("phone", "number"),
        )
        .drop("number")
    )
