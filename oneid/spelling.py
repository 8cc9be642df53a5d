"""One way of writing a text, before anything is read from it: widths, invisible characters, scripts. Pure."""

import re
import unicodedata
from collections.abc import Callable
from functools import cache, lru_cache

_SPACES = re.compile(r"\s+")
# Control, format (zero-width, direction marks, byte-order mark), private use, surrogates, unassigned.
_INVISIBLE = {"Cc", "Cf", "Co", "Cs", "Cn"}
_SELECTORS = re.compile("[\ufe00-\ufe0f\u115f\u1160\u3164\uffa0\u2800]")
_HAN = re.compile("[\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


def plain(text: str) -> str:
    """The text in NFKC (half-width, composed), without invisible characters, one space between words. Never raises."""
    seen = _SELECTORS.sub("", unicodedata.normalize("NFKC", text))
    kept = "".join(c if c.isspace() or unicodedata.category(c) not in _INVISIBLE else "" for c in seen)
    return _SPACES.sub(" ", unicodedata.normalize("NFKC", kept)).strip()


@lru_cache(maxsize=1 << 16)
def simplified(text: str) -> str:
    """Traditional characters as simplified ones (OpenCC's `t2s`); other text as it is."""
    return _converter()(text) if is_chinese(text) else text


def unaccented(text: str) -> str:
    """Latin letters without marks, in lower case: `José` → `jose`, `Lǚ` → `lü` → `lu`, `Straße` → `strasse`."""
    return "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))


def is_chinese(text: str) -> bool:
    """Whether the text holds at least one Chinese character."""
    return _HAN.search(text) is not None


@lru_cache(maxsize=1 << 16)
def syllables(text: str) -> tuple[str, ...]:
    """Pinyin without tones of the Chinese characters of a text, one each, in order; readings as in running text."""
    from pypinyin import lazy_pinyin  # a third of a second to import: only who reads Chinese pays it

    return tuple(lazy_pinyin("".join(_HAN.findall(text))))


@cache
def _converter() -> Callable[[str], str]:
    from opencc import OpenCC

    convert: Callable[[str], str] = OpenCC("t2s").convert
    return convert
