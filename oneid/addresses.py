"""Chinese addresses, taken apart by the endings of their parts: 省 市 区 街道 路 号 小区 栋 单元 室. Pure.

    parse("广东省深圳市南山区粤海街道科苑路15号科兴科学园B栋3单元1201室")
    → 广东 深圳 南山区 粤海街道 科苑路 15 科兴科学园 B 3 1201

A province or city is known by `oneid.divisions`, with or without its ending; a city without province gets its own.
Everything below is recognised by endings alone, so a part with an unusual one stays in `estate`. Addresses in Latin
letters keep their words: `number` is the first one with a digit, `road` the others.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from oneid.divisions import MUNICIPALITIES, PROVINCE_OF, PROVINCES
from oneid.spelling import is_chinese, plain, simplified, unaccented


class Address(NamedTuple):
    """The parts of an address, "" for what is not said. Numbers are Arabic, letters capitals (Latin: lower case)."""

    province: str = ""
    city: str = ""
    district: str = ""
    town: str = ""
    road: str = ""
    number: str = ""
    estate: str = ""
    building: str = ""
    unit: str = ""
    room: str = ""

    @property
    def place(self) -> str:
        """The numbers of house, building, unit and room, if at least one of them is said: `15/B/3/1201`."""
        parts = (self.number, self.building, self.unit, self.room)
        return "/".join(parts) if any(parts) else ""

    @property
    def spelling(self) -> str:
        """The address in one way of writing; without room, unit and so on where they are not said."""
        ends = (("", self.estate), ("栋", self.building), ("单元", self.unit), ("室", self.room))
        if not is_chinese("".join(self)):
            return " ".join(part for part in self if part)
        city = "" if self.city in MUNICIPALITIES else f"{self.city}市" * bool(self.city)
        province = f"{self.province}{'市' if self.province in MUNICIPALITIES else '省'}" * bool(self.province)
        head = province + city + self.district + self.town + self.road + f"{self.number}号" * bool(self.number)
        return head + "".join(part + end for end, part in ends if part)


_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_NUMERAL = re.compile(r"[零〇一二两三四五六七八九十百]+(?=号|栋|幢|单元|室|弄|楼|层|座|期|门)")
_NOISE = re.compile(r"\(.*?\)|\[.*?\]|【.*?】|[,，、;；。|\s]+|(?<!\d)\d{6}(?!\d)|^中国|^中华人民共和国")
_PROVINCE_END = r"(?:省|市|(?:壮族|回族|维吾尔)?自治区|特别行政区)"
_CITY_END = r"(?:市|地区|盟|(?:[^省市县区路街]{1,9}族)?自治州|州)"
# 中山路, 北京东路, 朝阳区: the name of a city that begins something else.
_NOT_A_CITY = re.compile(r"[东西南北中]?[一二三四五六]?(?:路|街|道|大道|大街|区|县|镇|乡|村|花园|小区|新村)")
_DISTRICT = re.compile(
    r"(?:市辖区)?([^\d路街号弄]{1,9}?(?:工业园区|开发区|新区|自治县|自治旗|(?<![小社园厂校景])区|县|旗|市))"
)
_TOWN = re.compile(r"([^\d路号弄]{1,9}?(?:街道(?:办事处)?|镇|乡|苏木))(?![路街江宁海])")
_VILLAGE = re.compile(r"([^\d路号弄]{1,8}?(?:村|社区|屯))(?!路|街)")
_ROAD = re.compile(
    r"((?:[^\d号栋幢]|\d+(?=[路街]))[^\d号栋幢]{0,10}?(?:大道|大街|胡同|路|街|巷|道)(?:[东南西北中][一二三四五六]?段|[一二三四五六]段)?)"
)
_NUMBER = re.compile(r"(?:(\d+)弄)?(\d+(?:[-之]\d+)?)(?:号(?!楼)(?:院)?|(?=$|[^\d\-栋幢座室单楼层期区号#]))")
_LANE = re.compile(r"(\d+)弄")
_BUILDING = re.compile(r"([A-Za-z]?\d{1,4}|[A-Za-z]|[甲乙丙丁东西南北])(?:号楼|栋|幢|座|楼(?!\d*层)|#)")
_UNIT = re.compile(r"([A-Za-z]?\d{1,3}|[A-Za-z]|[甲乙丙丁])(?:单元|门)")
_ROOM = re.compile(r"(?:\d+层)?([A-Za-z]?\d{2,5}[A-Za-z]?)(?:室|房|户|号房?)?$")
_DASHED = re.compile(r"(\d{1,3})-(?:(\d{1,2})-)?(\d{2,5})(?:室|房)?$")
_LATIN_WORDS = {"st": "street", "rd": "road", "ave": "avenue", "av": "avenue", "dr": "drive", "ct": "court", "pl": "place",
                "cres": "crescent", "cr": "crescent", "cl": "close", "ln": "lane", "blvd": "boulevard", "sq": "square",
                "hwy": "highway", "pde": "parade", "tce": "terrace", "cct": "circuit", "apt": "apartment"}  # fmt: skip


@lru_cache(maxsize=1 << 15)
def parse(text: str) -> Address | None:
    """The parts of an address; None for an empty text. Never raises."""
    spelt = simplified(plain(text))
    if not any(c.isalnum() for c in spelt):
        return None
    return _chinese(spelt) if is_chinese(spelt) else _latin(spelt)


def _chinese(text: str) -> Address:
    bare = _NUMERAL.sub(lambda m: str(_number(m[0])), _NOISE.sub("", text))
    province, city, rest = _division(bare)
    district, rest = _taken(_DISTRICT, rest)
    if district.endswith("市") and not city:
        city, (district, rest) = district[:-1], _taken(_DISTRICT, rest)
    town, rest = _taken(_TOWN, rest)
    village, rest = _taken(_VILLAGE, rest)
    road, rest = _taken(_ROAD, rest)
    number, rest = _house(rest)
    estate, building, unit, room = _inside(rest)
    return Address(province, city, district, town, road, number, village + estate, building, unit, room)


def _division(text: str) -> tuple[str, str, str]:
    """(province, city, what follows)."""
    province, rest = "", text
    for name in PROVINCES:
        if text.startswith(name) and (name in MUNICIPALITIES or name not in PROVINCE_OF or text[2:3] == "省"):
            after = re.sub("^" + _PROVINCE_END, "", text[len(name) :])
            if after == text[len(name) :] and _NOT_A_CITY.match(after):
                continue
            province, rest = name, after
            break
    if province in MUNICIPALITIES:
        return province, province, re.sub(rf"^{province}{_PROVINCE_END}?|^市辖区", "", rest)
    for name in PROVINCES.get(province) or PROVINCE_OF:
        if rest.startswith(name):
            after = re.sub("^" + _CITY_END, "", rest[len(name) :])
            if after == rest[len(name) :] and _NOT_A_CITY.match(after):
                continue
            return province or PROVINCE_OF[name], name, after
    return province, "", rest


def _taken(pattern: re.Pattern[str], text: str) -> tuple[str, str]:
    found = pattern.match(text)
    return (found[1], text[found.end() :]) if found else ("", text)


def _house(text: str) -> tuple[str, str]:
    """The house number, with the lane before it (`123弄4` → `123弄4`), and what follows."""
    if found := _NUMBER.match(text):
        return (f"{found[1]}弄" if found[1] else "") + found[2].replace("之", "-"), text[found.end() :]
    lane, rest = _taken(_LANE, text)
    return (f"{lane}弄" if lane else ""), rest


def _inside(text: str) -> tuple[str, str, str, str]:
    """(estate, building, unit, room)."""
    if dashed := _DASHED.search(text):
        return text[: dashed.start()], dashed[1], dashed[2] or "", dashed[3]
    estate, found, rest = text, dict.fromkeys(("building", "unit", "room"), ""), text
    for part, pattern in (("building", _BUILDING), ("unit", _UNIT), ("room", _ROOM)):
        if hit := pattern.search(rest):
            found[part] = hit[1].upper()
            estate = estate if len(estate) < len(text) else text[: len(text) - len(rest) + hit.start()]
            rest = rest[hit.end() :]
    return estate, found["building"], found["unit"], found["room"]


def _number(numeral: str) -> int:
    """`二十三` → 23, `一〇二` → 102."""
    if not {"十", "百"} & set(numeral):
        return int("".join(str(_DIGITS[c]) for c in numeral))
    total, digit = 0, 0
    for c in numeral:
        if c in "十百":
            total += (digit or (1 if c == "十" or not total else 0)) * (10 if c == "十" else 100)
            digit = 0
        else:
            digit = _DIGITS[c]
    return total + digit


def _latin(text: str) -> Address:
    words = [_LATIN_WORDS.get(w, w) for w in re.findall(r"[^\W_]+(?:['’\-/][^\W_]+)*", unaccented(text))]
    number = next((w for w in words if w[0].isdigit()), "")
    rest = words.copy()
    if number:
        rest.remove(number)
    return Address(road=" ".join(rest), number=number)
