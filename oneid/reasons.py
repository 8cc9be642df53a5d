"""The words for why two identifiers are one person's, or are not, in English and Chinese. Pure."""

from oneid.evidence import CLASSES
from oneid.resolve import MUST
from oneid.rules import Rules

Words = tuple[str, str]

_RULES: dict[str, Words] = {
    "cannot_link": ("A steward ruled that they are two people.", "管理员已裁定两者不是同一人。"),
    "class": (
        "They were merely seen together, and each side has an identifier of its own kind of person already.",
        "仅为同时出现，且双方各自已有强标识。",
    ),
    "name": ("Their names cannot be one person's.", "双方姓名不可能属于同一人。"),
    "shared": ("It goes through an identifier that several people use.", "经由多人共用的标识，不作为同一人的依据。"),
}
_CLASSES: dict[int, Words] = {
    MUST: ("a steward ruled so", "管理员裁定"),
    CLASSES["A"]: ("proved by a code or a log-in (A)", "验证码或登录验证（A）"),
    CLASSES["B"]: ("declared (B)", "本人申报（B）"),
    CLASSES["C"]: ("seen together (C)", "同时出现（C）"),
    CLASSES["D"]: ("scored by a matcher (D)", "模型评分（D）"),
}
_SUPPORT: dict[int, Words] = {
    0: ("on four days or more", "四天及以上"),
    1: ("on two days or more", "两天及以上"),
    2: ("once", "一天"),
}


def refused(rule: str, rules: Rules) -> Words:
    """Why an edge was refused; the names of rules are those of `oneid.resolve`."""
    if not rule.startswith("limit:"):
        return _RULES[rule]
    type, _, window = rule.removeprefix("limit:").partition("/")
    title = rules.identifiers[type].title
    if not window:
        most = rules.ever[type]
        return f"One person may have {most} × {title.en} at most.", f"一人最多 {most} 个{title.zh}。"
    weeks = int(window.removesuffix("w"))
    most = next(most for length, most in rules.windows[type] if length == weeks)
    return (
        f"One person may use {most} × {title.en} at most within {weeks} weeks.",
        f"一人在 {weeks} 周内最多使用 {most} 个{title.zh}。",
    )


def joined(cls: int) -> Words:
    """What kind of evidence an edge is."""
    return _CLASSES[cls]


def supported(support: int) -> Words:
    """How often it was seen."""
    return _SUPPORT[support]


def dead(nid: str, rules: Rules, blocked: bool, generic: bool) -> Words | None:
    """Why an identifier links nobody at all; None when it may."""
    title = rules.identifiers[nid.partition(":")[0]].title
    if blocked:
        return f"This {title.en} is blocked: it is nobody's.", f"该{title.zh}已被屏蔽，不属于任何人。"
    if generic:
        return (
            f"This {title.en} stands beside too many people to be anybody's.",
            f"该{title.zh}关联的人过多，不作为任何人的依据。",
        )
    return None
