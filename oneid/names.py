"""People's names: read, spelt one way, and compared, in clear for batch matching and as tokens for state. Pure.

State keeps no name, only `name_tokens(name, key)`: a short text of keyed hashes, from which two names can be compared and
nothing read. For the resolver:

    tokens = name_tokens("张伟", key)        # "z" and hashes, at most 51 characters; None for what is no name
    compatible(tokens, name_tokens("张先生", key))   # True: one person may bear both
    verdict(tokens, name_tokens("张娜", key))        # Verdict.SURNAME_ONLY, which counts as conflict: a family

| a | b | verdict | why |
|---|---|---|---|
| 张伟 | 張偉 | same | traditional and simplified |
| 张伟 | 张 伟 先生 | same | spaces and titles are no part of a name |
| 张伟 | 章玮 | compatible | sounds alike; pinyin input picks the wrong character |
| 张英 | 张应 | compatible | so do zh/z, ch/c, sh/s, n/ng, which many dialects do not tell apart |
| 张伟 | Zhang Wei, Wei ZHANG | compatible | pinyin, in either order |
| 张伟 | 张先生, 张*, 小张 | compatible | only the surname is known, and it is the same |
| 张晓明 | 小明, 阿明, 明明 | compatible | a nickname from the last character |
| 阿卜杜拉·买买提 | 阿卜杜拉买买提 | same | the dot is often lost |
| J. Smith, Mary Ann Lee | John Smith, Mary Lee | compatible | initials and middle names |
| 张伟 | 张娜 | surname_only | one family, two people |
| 张晓明 | 张晓红 | surname_only | brothers and sisters often share a character |
| 张伟 | 李伟, 李女士 | conflict | |
"""

import hmac
import re
from base64 import urlsafe_b64encode
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from oneid.spelling import is_chinese, plain, simplified, syllables, unaccented
from oneid.surnames import COMPOUND, RARE, READ_AS, SINGLE

_TITLES_AFTER = re.compile(
    r"(.+?)(?:先生|女士|小姐|太太|夫人|老师|同学|师傅|阿姨|叔叔|大爷|大妈|奶奶|爷爷|经理|老板娘|老板|医生|教授|主任|局长|处长|科长)+"
)
# After a bare surname these are titles; after more, they end a given name (刘胜哥 is rare, 王小总 rarer).
_TITLES_OF_SURNAME = re.compile(r"(.{1,2})(?:总|哥|姐|姨|叔|工|董|太|生|氏|某某|某)")
_TITLES_LATIN = {"mr", "mrs", "ms", "miss", "dr", "prof", "sir", "madam", "mx", "jr", "sr", "ii", "iii"}
_MASK = re.compile(r"[*＊xX×某○〇●]+")
_DOTS = re.compile(r"[·•‧∙⋅・･．.﹒●•]")
_NOT_A_NAME = re.compile(
    r"匿名|未知|测试|无名?|不详|顾客|会员|散客|用户\w*|客户|先生|女士|小姐|太太|null|none|nan|n/?a|test|unknown|anonymous|guest",
    re.IGNORECASE,
)
# What stands beside a Chinese name: a Latin one, brackets, hearts and flowers.
_BESIDE = re.compile(r"[(（\[【].*?[)）\]】]|[^\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff·]+")
_CHINESE_NAME = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]{1,20}")
_WORD = re.compile(r"[^\W\d_]+(?:['’\-][^\W\d_]+)*")
_LOOSE = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("ng", "n"), ("v", "u"), ("lyu", "lu"), ("nyu", "nu"))
_SIZE = 5  # characters of a hash in tokens: 30 bits, for names that meet in one dossier
_NOTHING = "-" * _SIZE


class Verdict(StrEnum):
    """How two names stand to each other. For rules, `surname_only` is a conflict."""

    SAME = "same"
    COMPATIBLE = "compatible"
    SURNAME_ONLY = "surname_only"
    CONFLICT = "conflict"


class Reading(NamedTuple):
    """One way to take a name apart, as it sounds. `part`: the last syllable (Chinese) or first given name (Latin)."""

    surname: str
    given: str
    part: str
    initial: str


class Name(NamedTuple):
    """`script`: z Chinese, w Latin and others. `known`: what of the name is there: full, surname, given, word (one word,
    either). `spelling`: one way of writing it. `surname` and `given` as written, as far as known."""

    script: str
    known: str
    spelling: str
    surname: str
    given: str
    readings: tuple[Reading, ...]

    @property
    def sound(self) -> str:
        """How the whole name sounds, loosely, in one piece: `zanwei`."""
        if self.script != "z":
            return loose(self.spelling.replace(" ", ""))
        if self.spelling == self.surname + self.given:
            return self.readings[0].surname + self.readings[0].given
        return loose("".join(syllables(self.spelling)))


@lru_cache(maxsize=1 << 15)
def parse(text: str) -> Name | None:
    """The name in a text, without title; None for what is no name (empty, digits, 匿名, test). Never raises.

    Chinese: compound surnames, minority names with ·, titles, nicknames, masks (`张*`). Others: words, titles, initials;
    "Smith, John" and both orders are understood.
    """
    spelt = simplified(plain(text))
    if not spelt or len(spelt) > 64 or _NOT_A_NAME.fullmatch(spelt):
        return None
    if is_chinese(spelt):
        return _chinese(_DOTS.sub("·", spelt))
    return _western(spelt)


def _chinese(text: str) -> Name | None:
    bare = text.replace(" ", "").strip("·")
    if any(c.isdigit() for c in bare) or _MASK.match(bare):
        return None
    if re.match(r"[^\W\da-zA-Z]{1,2}" + _MASK.pattern, bare):
        # 张*明: what is left of the given name could be either of its characters, so only the surname is taken.
        shown = _MASK.split(bare)[0]
        return _surname_alone(shown) if _CHINESE_NAME.fullmatch(shown) else None
    bare = _BESIDE.sub("", bare)
    return _with_dots(bare.split("·")) if "·" in bare else _without_dots(bare)


def _without_dots(text: str) -> Name | None:
    titled = _TITLES_AFTER.fullmatch(text)
    bare = titled[1] if titled else text
    short = _TITLES_OF_SURNAME.fullmatch(bare)
    if short and _is_surname(short[1]) and not (len(bare) == 2 and bare[1] in "生工董"):
        return _surname_alone(short[1])
    if not _CHINESE_NAME.fullmatch(bare):
        return None
    if _is_surname(bare) and (titled or bare in COMPOUND or len(bare) == 1):
        return _surname_alone(bare)
    return _nickname(bare) or _full(bare)


def _is_surname(text: str) -> bool:
    return text in SINGLE or text in COMPOUND


def _surname_alone(surname: str) -> Name | None:
    if not _is_surname(surname):
        surname = next((surname[:n] for n in (2, 1) if _is_surname(surname[:n])), surname[:1])
    if not surname:
        return None
    return Name("z", "surname", surname, surname, "", (Reading(surname_sound(surname), "", "", ""),))


def _nickname(text: str) -> Name | None:
    """阿明, 小明, 明明: part of a given name. 小张, 老张: a surname."""
    if len(text) != 2:
        return None
    first, second = text[0], text[1]
    if first in "小老大" and second in SINGLE and second not in RARE:
        return _surname_alone(second)
    if first in "小阿" or (first == second and not (first in SINGLE and first not in RARE)):
        sound = loose(syllables(second)[0])
        return Name("z", "given", text, "", second, (Reading("", sound, sound, ""),))
    return None


def _full(text: str) -> Name:
    n = next((len(c) for c in COMPOUND if text.startswith(c) and len(text) > len(c)), 1)
    surname, given = text[:n], text[n:]
    if not given:
        sound = loose("".join(syllables(text)))
        return Name("z", "word", text, "", "", (Reading(sound, sound, sound, ""),))
    sounds = [loose(s) for s in syllables(given)]
    return Name("z", "full", text, surname, given, (Reading(surname_sound(surname), "".join(sounds), sounds[-1], ""),))


def _with_dots(parts: list[str]) -> Name | None:
    """阿卜杜拉·买买提: the last part is the father's (Uyghur) or the family's (transliterated) name."""
    parts = [p for p in parts if p]
    if not parts or not all(_CHINESE_NAME.fullmatch(p) for p in parts):
        return None
    if len(parts) == 1:
        return _full(parts[0])
    sounds = [loose("".join(syllables(p))) for p in parts]
    reading = Reading(sounds[-1], "".join(sounds[:-1]), sounds[0], "")
    return Name("z", "full", "".join(parts), parts[-1], "".join(parts[:-1]), (reading,))


def surname_sound(surname: str) -> str:
    """How a Chinese surname is read, loosely: 单 → `san` (shan), 尉迟 → `yuci`."""
    return loose(READ_AS.get(surname) or "".join(READ_AS.get(surname, s) for s in syllables(surname)))


def loose(sound: str) -> str:
    """A spelling in pinyin without the differences that many speakers do not make: `zhang` → `zan`."""
    for exact, heard in _LOOSE:
        sound = sound.replace(exact, heard)
    return sound


def _western(text: str) -> Name | None:
    if re.search(r"\d|@|_", text):
        return None
    before, comma, after = text.partition(",")
    words = [w for part in ((after, before) if comma else (text,)) for w in _words(part)]
    titled = [w for w in words if w in _TITLES_LATIN]
    words = [w for w in words if w not in _TITLES_LATIN]
    if not words:
        return None
    spelling = " ".join(words)
    if len(words) == 1:
        sound = loose(words[0])
        if titled:
            return Name("w", "surname", spelling, words[0], "", (Reading(sound, "", "", ""),))
        return Name("w", "word", spelling, "", "", (Reading(sound, sound, sound, ""),))
    readings = [_reading(words[-1], words[:-1])]
    if not comma:
        readings.append(_reading(words[0], words[1:]))
    return Name("w", "full", spelling, words[-1], " ".join(words[:-1]), tuple(readings))


def _words(text: str) -> list[str]:
    return [re.sub(r"['’\-]", "", w) for w in _WORD.findall(unaccented(text))]


def _reading(surname: str, given: list[str]) -> Reading:
    return Reading(loose(surname), loose("".join(given)), loose(given[0]), given[0][0])


# ── tokens ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Tokens(NamedTuple):
    kind: str
    spelling: str
    sound: str
    readings: tuple[tuple[str, str, str, str], ...]  # hashes of Reading


def name_tokens(name: str, key: bytes) -> str | None:
    """What may be kept of a name: hashes under `key` of its spelling, its sound, and surname and given name as they sound.

    One ASCII text of 31 or 51 characters, deterministic; None for what is no name. Only for `compatible` and `verdict`,
    and only beside tokens under the same key.
    """
    parsed = parse(name)
    if parsed is None:
        return None
    kind = {"surname": "s", "given": "g", "word": "o"}.get(parsed.known, parsed.script)
    parts = [_hash(key, "spelling", parsed.spelling), _hash(key, "sound", parsed.sound)]
    for r in parsed.readings:
        parts.append(_hash(key, "surname", r.surname))
        parts += [_hash(key, "given", g) for g in (r.given, r.part, r.initial)]
    return kind + "".join(parts)


def verdict(a: str, b: str) -> Verdict:
    """How two names stand to each other, by their tokens; symmetric. The table is at the top of this file."""
    x, y = _opened(a), _opened(b)
    if x.kind == "o" or y.kind == "o":
        return _one_word(x, y)
    if x.kind == "g" or y.kind == "g":
        return _nicknames(x, y)
    if x.kind == "s" or y.kind == "s":
        return Verdict.COMPATIBLE if _surnames(x) & _surnames(y) else Verdict.CONFLICT
    if x.spelling == y.spelling:
        return Verdict.SAME
    if x.sound == y.sound or any(_agree(r, s, x.kind + y.kind) for r in x.readings for s in y.readings):
        return Verdict.COMPATIBLE
    # Of two Latin names only the usual order counts here, or John Smith and John Miller were of one family.
    shared = x.readings[0][0] == y.readings[0][0] if x.kind == y.kind else _surnames(x) & _surnames(y)
    return Verdict.SURNAME_ONLY if shared else Verdict.CONFLICT


def compatible(a: str | None, b: str | None) -> bool:
    """Whether one person may bear both names, given their tokens. An unknown name (None) is compatible with all."""
    return a is None or b is None or a == b or verdict(a, b) in {Verdict.SAME, Verdict.COMPATIBLE}


def _agree(r: tuple[str, str, str, str], s: tuple[str, str, str, str], kinds: str) -> bool:
    if r[0] != s[0]:
        return False
    initials = kinds == "ww" and _NOTHING not in {r[3], s[3]} and (r[1] == s[3] or s[1] == r[3])
    return r[1] == s[1] or initials or (kinds == "ww" and r[2] == s[2])


def _surnames(x: _Tokens) -> set[str]:
    return {r[0] for r in x.readings} - {_NOTHING}


def _one_word(x: _Tokens, y: _Tokens) -> Verdict:
    word, other = (x, y) if x.kind == "o" else (y, x)
    if word.sound == other.sound or word.readings[0][1] in {g for r in other.readings for g in r[1:3]}:
        return Verdict.COMPATIBLE
    # A given name and a surname hash apart, so a single word is kept as both.
    return Verdict.COMPATIBLE if word.readings[0][0] in _surnames(other) else Verdict.CONFLICT


def _nicknames(x: _Tokens, y: _Tokens) -> Verdict:
    if "s" in x.kind + y.kind:
        return Verdict.COMPATIBLE  # a surname and a given name: nothing speaks against it
    heard = ({g for r in t.readings for g in r[1:3]} for t in (x, y))
    return Verdict.COMPATIBLE if next(heard) & next(heard) else Verdict.CONFLICT


def _hash(key: bytes, what: str, value: str) -> str:
    if not value:
        return _NOTHING
    return urlsafe_b64encode(hmac.digest(key, f"name {what}\0{value}".encode(), "sha256")[:6])[:_SIZE].decode()


@lru_cache(maxsize=1 << 14)
def _opened(tokens: str) -> _Tokens:
    parts = [tokens[i : i + _SIZE] for i in range(1, len(tokens), _SIZE)]
    readings = tuple((r[0], r[1], r[2], r[3]) for r in (parts[i : i + 4] for i in range(2, len(parts), 4)))
    return _Tokens(tokens[0], parts[0], parts[1], readings)
