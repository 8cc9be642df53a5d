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
    # Never comes before F: `oneid.dossier.live` leaves it out.
    "superseded": ("Only an older model scored it; the newest does not.", "仅旧版模型评分，最新模型未支持。"),
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


_MOVES: dict[str, Words] = {
    "merge": ("merge: whole members", "整体并入另一会员"),
    "split": ("split: to new members", "拆分到新会员"),
    "move": ("move: to other members", "转到另一会员"),
    "rename": ("rename: another id", "会员编号改变"),
    "appear": ("appear", "新出现"),
    "vanish": ("vanish", "不再出现"),
}
_CAUSES: dict[str, Words] = {
    "cannot_link": ("a steward's word", "管理员裁定"),
    "class": ("two anchors, merely seen together", "仅同时出现的两个强标识"),
    "name": ("names", "姓名"),
    "shared": ("shared by several people", "多人共用"),
    "generic": ("nobody's value", "公共标识"),
    "tenancy": ("a new owner", "换主"),
    "type": ("a type that only one rule file has", "仅一份规则有的标识类型"),
    "value": ("blocked, or on a line that is refused", "被屏蔽，或所在行被拒收"),
}


def moves(kind: str) -> Words:
    """What becomes of an identifier; the kinds are those of `oneid.plan`."""
    return _MOVES[kind]


def differs(cause: str, *rules: Rules) -> Words:
    """What two rule files see differently; the causes are those of `oneid.plan`, `rules` the two files."""
    if not cause.startswith("limit:"):
        return _CAUSES[cause]
    type, _, window = cause.removeprefix("limit:").partition("/")
    title = next(one.identifiers[type].title for one in rules if type in one.identifiers)
    weeks = window.removesuffix("w")
    return (
        f"limit of {title.en}" + (f" within {weeks} weeks" if weeks else ""),
        f"{title.zh}上限" + (f"（{weeks} 周内）" if weeks else ""),
    )


def recycled(nid: str, rules: Rules, owners: int) -> Words:
    """That an identifier has had so many owners in turn; only the last one's is looked at."""
    title = rules.identifiers[nid.partition(":")[0]].title
    return (
        f"This {title.en} has had {owners} owners in turn; this is the last one's.",
        f"该{title.zh}先后属于 {owners} 人，此处为最后一位。",
    )
