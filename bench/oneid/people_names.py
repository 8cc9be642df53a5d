"""Names for the simulator: common Chinese surnames and given names by their shares, and how they are miswritten."""

import random

# Shares in per mille of the commonest surnames (Ministry of Public Security, 2020); the rest evenly.
SURNAMES = {
    "王": 73, "李": 72, "张": 68, "刘": 51, "陈": 45, "杨": 32, "黄": 23, "赵": 20, "吴": 20, "周": 19,
    "徐": 14, "孙": 13, "马": 13, "朱": 12, "胡": 11, "郭": 11, "何": 11, "林": 10, "高": 10, "罗": 9,
    "郑": 8, "梁": 8, "谢": 8, "宋": 7, "唐": 7, "许": 6, "韩": 6, "冯": 6, "邓": 6, "曹": 5,
    "彭": 5, "曾": 5, "肖": 5, "田": 4, "董": 4, "潘": 4, "袁": 4, "蔡": 4, "蒋": 4, "余": 4,
    "于": 4, "杜": 4, "叶": 4, "程": 4, "魏": 4, "苏": 4, "吕": 4, "丁": 4, "任": 4, "卢": 4,
    "姚": 4, "沈": 4, "钟": 4, "姜": 4, "崔": 4, "谭": 4, "陆": 3, "范": 3, "汪": 3, "廖": 3,
    "石": 3, "金": 3, "韦": 3, "贾": 3, "夏": 3, "付": 3, "方": 3, "邹": 3, "熊": 3, "白": 3,
    "孟": 3, "秦": 3, "邱": 3, "侯": 3, "江": 3, "尹": 3, "薛": 3, "闫": 3, "段": 3, "雷": 3,
    "龙": 3, "黎": 3, "史": 3, "陶": 3, "贺": 3, "毛": 3, "郝": 3, "顾": 3, "龚": 3, "邵": 3,
}  # fmt: skip
GIVEN = (
    "伟强磊洋勇军杰涛超明刚平辉鹏华飞鑫波斌宇浩凯健俊帆帅旭宁龙林欢佳阳建志文博"
    "芳娜敏静丽艳娟霞秀玲桂英慧莉红玉兰萍燕琴云梅雪丹婷颖洁倩怡欣悦琳瑶雨涵梓萱"
    "子轩泽一诺思远嘉诗晨曦天乐国庆春秋冬生海山松柏安康宝珍贵荣富德仁义礼信"
)
ALIKE = {
    "伟": "玮",
    "静": "婧",
    "芳": "方",
    "丽": "莉",
    "英": "瑛",
    "杰": "洁",
    "明": "铭",
    "霞": "遐",
    "红": "虹",
    "华": "桦",
}


def drawn_name(dice: random.Random, family: str | None) -> tuple[str, str]:
    """(surname, given name); with the surname of `family`, if told."""
    surname = family or dice.choices(list(SURNAMES), list(SURNAMES.values()))[0]
    length = 1 if dice.random() < 0.18 else 2
    return surname, "".join(dice.choice(GIVEN) for _ in range(length))


def miswritten(dice: random.Random, name: tuple[str, str]) -> str:
    """As a clerk writes it down: another character of the same sound, a title for the given name, or simply wrong."""
    surname, given = name
    roll = dice.random()
    if roll < 0.5:
        return surname + "".join(ALIKE.get(c, c) for c in given)
    if roll < 0.85:
        return surname + dice.choice(("先生", "女士"))
    wrong = dice.randrange(len(given))
    return surname + given[:wrong] + dice.choice(GIVEN) + given[wrong + 1 :]
