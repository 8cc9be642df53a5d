"""A record → its fields in one spelling each, for comparison. Pure. Nothing here is an identifier: see `oneid.identifiers`."""

import re
from collections.abc import Mapping
from functools import lru_cache

from oneid import addresses, identifiers, names
from oneid.spelling import is_chinese, plain, simplified, syllables, unaccented

# Every feature of a record is one of these; a missing one is None.
FEATURES = (
    "n_full", "n_sound", "n_sur", "n_giv", "n_part", "n_known", "n_pair",
    "w_sur", "w_giv",
    "p_full", "p_ends", "p_tail", "p_open",
    "e_full", "e_local",
    "a_area", "a_city", "a_road", "a_number", "a_estate", "a_place", "a_home", "a_text",
    "t_street", "t_street2", "t_suburb", "t_city", "t_state", "t_postcode", "t_street_number",
    "d_full", "d_swapped", "d_year",
    "g",
    "i_id_number", "i_card", "i_wechat", "i_device", "i_login",
)  # fmt: skip

_FEMALE = re.compile(r"女士|小姐|太太|夫人|阿姨|奶奶|姐$|\b(?:mrs|ms|miss|madam)\b", re.IGNORECASE)
_MALE = re.compile(r"先生|叔叔|大爷|爷爷|哥$|\b(?:mr|sir)\b", re.IGNORECASE)
_GENDERS = {
    **dict.fromkeys(("男", "男性", "m", "male", "man", "1", "先生", "boy"), "m"),
    **dict.fromkeys(("女", "女性", "f", "female", "woman", "2", "女士", "girl", "w"), "f"),
}
# A field that says that it says nothing.
_EMPTY = re.compile(r"|-+|\.+|\?+|/|n/?a|nan|null|none|无|未知|不详|暂无|未填写|空|匿名", re.IGNORECASE)
_YEAR_FIRST = re.compile(r"(\d{4})\D{1,2}(\d{1,2})\D{1,2}(\d{1,2})(?:\D.*)?")
_YEAR_LAST = re.compile(r"(\d{1,2})\D{1,2}(\d{1,2})\D{1,2}(\d{4})(?:\D.*)?")


def features(record: Mapping[str, str | None], region: str) -> dict[str, str | None]:
    """The features of a record, which maps roles (`oneid.matching.mapping.ROLES`) to texts. Never raises."""
    said = {role: text for role, value in record.items() if value and not _EMPTY.fullmatch(text := plain(str(value)))}
    found: dict[str, str | None] = dict.fromkeys(FEATURES)
    _name(said, found)
    if phone := said.get("phone"):
        _phone(phone, region, found)
    if email := said.get("email"):
        spelt = identifiers.email(email) or unaccented(email).replace(" ", "")
        found["e_full"], found["e_local"] = spelt, spelt.partition("@")[0]
    _address(said, found)
    if birth := said.get("birth_date"):
        found["d_full"], found["d_swapped"], found["d_year"] = _birth(birth)
    for role in ("street", "street2", "suburb", "city", "state", "postcode", "street_number"):
        found[f"t_{role}"] = _words(said[role]) if role in said else None
    for role in ("id_number", "card", "wechat", "device", "login"):
        found[f"i_{role}"] = _code(role, said[role]) if role in said else None
    return found


def _name(said: Mapping[str, str], found: dict[str, str | None]) -> None:
    surname, given = said.get("surname", ""), said.get("given_name", "")
    text = said.get("name") or (surname + given if is_chinese(surname + given) else f"{given} {surname}".strip())
    name = names.parse(text) if text else None
    found["w_sur"], found["w_giv"] = _words(surname) or None, _words(given) or None
    titled = "f" if _FEMALE.search(text) else "m" if _MALE.search(text) else None
    found["g"] = _GENDERS.get(said.get("gender", "").casefold(), titled)
    if name is None:
        return
    reading = name.readings[0]
    found["n_full"], found["n_sound"], found["n_known"] = name.spelling, name.sound, name.known
    found["n_sur"], found["n_giv"], found["n_part"] = (
        reading.surname or None,
        reading.given or None,
        reading.part or None,
    )
    if name.known == "full":
        found["n_pair"] = "|".join(sorted((reading.surname, reading.given)))
        if name.script == "w":
            found["w_sur"] = found["w_sur"] or name.surname
            found["w_giv"] = found["w_giv"] or name.given


def _phone(text: str, region: str, found: dict[str, str | None]) -> None:
    full = identifiers.phone(text, region)
    masked = None if full else identifiers.masked_phone(text, region)
    digits = re.sub(r"\D", "", text)
    if not full and not masked and len(digits) < 5:
        return
    # A number that cannot be one is still compared: it may be mistyped by a digit.
    shown = full or masked or digits
    found["p_full"], found["p_open"] = shown, masked
    found["p_tail"] = shown[-8:] if not masked else None
    national = re.sub(r"^\+86", "", shown)
    if len(national) >= 7 and not set(national[:3] + national[-4:]) & {"*"}:
        found["p_ends"] = national[:3] + national[-4:]


def _address(said: Mapping[str, str], found: dict[str, str | None]) -> None:
    if text := said.get("address"):
        whole = "".join(said.get(r, "") for r in ("state", "city", "suburb") if is_chinese(text)) + text
        address = addresses.parse(whole)
        if address is None:
            return
        found["a_text"] = address.spelling
        found["a_city"] = address.city or None
        found["a_area"] = (address.district or address.city) or None
        found["a_road"] = _sound(address.road)
        found["a_number"] = address.number or None
        found["a_estate"] = _sound(address.estate)
        inside = "/".join((address.building, address.unit, address.room))
        found["a_home"] = inside if address.room else None
        found["a_place"] = address.place or None


def _sound(text: str) -> str | None:
    heard = names.loose("".join(syllables(text))) if is_chinese(text) else text
    # 3期, A座: what pinyin does not read counts too.
    return heard + "".join(re.findall(r"[0-9A-Za-z]+", text)) * is_chinese(text) or None


@lru_cache(maxsize=1 << 15)
def _birth(text: str) -> tuple[str | None, str | None, str | None]:
    """(yyyymmdd, the same with day and month exchanged, yyyy). Impossible dates are kept: they are mistyped ones."""
    digits = re.sub(r"\D", "", text)
    if found := _YEAR_FIRST.fullmatch(text):
        year, month, day = found[1], found[2].zfill(2), found[3].zfill(2)
    elif found := _YEAR_LAST.fullmatch(text):
        year, month, day = found[3], found[2].zfill(2), found[1].zfill(2)
        if int(month) > 12 >= int(day):
            month, day = day, month
    elif len(digits) == 8:
        year, month, day = digits[:4], digits[4:6], digits[6:]
    else:
        return None, None, digits[:4] if len(digits) in {4, 6} else None
    return year + month + day, year + day + month, year


def _words(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", unaccented(simplified(text)))).removeprefix("0")


def _code(role: str, text: str) -> str | None:
    type = {"card": "card", "device": "device", "login": "login"}.get(role)
    spelt = identifiers.normalise(type, text, "CN") if type else None
    return spelt or (plain(text).replace(" ", "") if role == "wechat" else re.sub(r"[\s\-]", "", text).upper()) or None
