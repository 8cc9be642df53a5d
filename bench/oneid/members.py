"""Chinese member records with known truth, as a retailer's systems hold them: made, not collected; nobody in it exists.

People live in households that share a home, often a surname and sometimes a phone. Each person is a member of one to five
systems, and each system writes down what it was told in its own way: homophones and look-alikes for the right character,
traditional characters, titles and nicknames, masked phone numbers, half an address, last year's address, no birth date.
Numbers change and are given out again. Everything follows from the seed; tuning used TUNING, and judging uses JUDGING only.
"""

import random
from typing import NamedTuple

TUNING = range(100, 200)
JUDGING = range(1, 100)

_SURNAMES = (
    "李王张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎"
    "余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文"
    "单仇解查翟覃"
)
_WEIGHTS = [1 / (i + 3) ** 0.8 for i in range(len(_SURNAMES))]
_COMPOUND = ["欧阳", "司马", "上官", "诸葛", "夏侯", "皇甫", "司徒", "令狐"]
_MALE = "伟强磊军洋勇杰涛明超刚平辉鹏飞波斌宇浩凯健俊帆帅旭宁龙林阳建国志文华东海峰晨博睿轩然泽铭昊天佑嘉诚毅松柏"
_FEMALE = "芳娜敏静丽娟艳霞玲燕红梅英莹洁倩雪琳婷雅慧萍玉兰秀珍怡佳欣悦颖梦瑶蕾薇菲诗涵雨彤思琪晓美月云凤春菊"
_MINORITY = (
    ["阿卜杜拉", "买买提", "吐尔逊", "艾力", "热合曼", "帕提古丽", "阿依古丽", "古丽娜尔", "木拉提", "叶尔江"],
    ["买买提", "吐尔逊", "艾力", "库尔班", "热合曼", "阿不都", "司马义", "依明"],
)
_HOMOPHONES = """
伟玮炜纬 强 静婧晶 丽莉俐 敏闵 娟涓 燕艳彦 霞夏 玲铃灵 英莹颖瑛 洁杰捷 倩茜 雪 琳林霖
婷庭 雅 慧惠卉 萍平屏 玉钰毓 兰岚 秀绣 珍真贞 怡宜仪 佳嘉家 欣新心昕 悦月越 梦孟 瑶遥
蕾磊 薇微威 诗师施 涵寒晗 雨宇羽语 思斯 琪奇祺棋 晓小筱 美 云芸 凤 春 军君钧 洋阳扬杨
勇永咏 涛 明铭鸣 超 刚 辉晖徽 鹏朋 飞菲妃 波博 斌彬滨 浩昊皓 凯楷恺 健建剑 俊峻骏
帆凡 旭绪 宁凝 龙隆 国 志智致 文雯纹 华骅 东冬 海 峰锋丰枫 晨辰宸 睿瑞锐 轩宣
然 泽则 天 佑佑 诚成程 毅益艺 张章 陈程 徐许 何贺 余于俞 蒋姜 石时 江姜
""".split()  # noqa: SIM905
_LOOK_ALIKE = [
    "伟纬",
    "洁浩",
    "敏敬",
    "娜哪",
    "玲铃",
    "鹏朋",
    "晓哓",
    "佳住",
    "明朋",
    "平乎",
    "军车",
    "丽雨",
    "东乐",
    "永水",
    "玉王",
    "未末",
    "云去",
]
_CITIES = {
    ("广东省", "深圳市"): ["南山区", "福田区", "罗湖区", "宝安区", "龙岗区"],
    ("广东省", "广州市"): ["天河区", "越秀区", "海珠区", "白云区", "番禺区"],
    ("浙江省", "杭州市"): ["西湖区", "上城区", "余杭区", "滨江区", "萧山区"],
    ("江苏省", "南京市"): ["玄武区", "鼓楼区", "建邺区", "江宁区", "栖霞区"],
    ("江苏省", "苏州市"): ["姑苏区", "吴中区", "昆山市", "常熟市", "工业园区"],
    ("四川省", "成都市"): ["锦江区", "武侯区", "青羊区", "高新区", "双流区"],
    ("湖北省", "武汉市"): ["洪山区", "武昌区", "江汉区", "汉阳区", "东西湖区"],
    ("", "上海市"): ["浦东新区", "徐汇区", "静安区", "闵行区", "杨浦区"],
    ("", "北京市"): ["朝阳区", "海淀区", "丰台区", "通州区", "西城区"],
    ("陕西省", "西安市"): ["雁塔区", "碑林区", "未央区", "长安区", "莲湖区"],
}
_ROADS = """
人民路 中山路 解放路 建设路 文化路 和平路 新华路 长江路 黄河路 北京路 学院路 科技路
体育西路 滨江大道 迎宾大道 湖滨路 青年路 劳动路 朝阳街 光明街 幸福路 花园路 公园路 工业大道
环城东路 天府大道 江南路 海滨路
""".split()  # noqa: SIM905
_ESTATES_A = [
    "阳光",
    "金色",
    "碧水",
    "翠湖",
    "锦绣",
    "御景",
    "盛世",
    "紫荆",
    "万科",
    "保利",
    "恒大",
    "丽景",
    "东方",
    "幸福",
    "星河",
    "龙湖",
    "绿地",
    "蓝天",
]
_ESTATES_B = ["花园", "家园", "小区", "名苑", "新城", "公寓", "广场", "华庭", "嘉园", "雅居"]
_HEADS = [
    "130",
    "131",
    "135",
    "136",
    "137",
    "138",
    "139",
    "150",
    "151",
    "155",
    "158",
    "159",
    "176",
    "177",
    "180",
    "185",
    "186",
    "187",
    "188",
    "189",
]
_MAILS = ["qq.com", "163.com", "126.com", "gmail.com", "sina.com", "outlook.com", "139.com"]
_TITLES = {"m": ["先生", "总", "哥"], "f": ["女士", "小姐", "姐"]}


class Hardness(NamedTuple):
    """Rates. The defaults are the benchmark; others show how far its figures carry."""

    missing_phone: float = 0.15
    masked_phone: float = 0.15
    mistyped_phone: float = 0.03
    changed_phone: float = 0.12
    borrowed_phone: float = 0.12  # a member of the household gives another's
    missing_email: float = 0.55
    changed_email: float = 0.15
    missing_birth: float = 0.40
    missing_address: float = 0.35
    moved: float = 0.12
    short_name: float = 0.06  # surname and title, or a nickname
    wrong_character: float = 0.08
    mean_records: float = 2.0


class Members(NamedTuple):
    """`records`: dicts with id, name, phone, email, address, birth_date, gender. `person`: the truth, by place."""

    records: list[dict[str, str]]
    person: list[int]

    @property
    def pairs(self) -> set[tuple[int, int]]:
        """The places of two records of one person, the smaller first."""
        places: dict[int, list[int]] = {}
        for place, person in enumerate(self.person):
            places.setdefault(person, []).append(place)
        return {(a, b) for group in places.values() for i, a in enumerate(group) for b in group[i + 1 :]}


class _Person(NamedTuple):
    surname: str
    given: str
    gender: str
    phones: list[str]  # now, and before
    family_phone: str
    emails: list[str]
    homes: list[tuple[str, ...]]  # now, and before
    birth: str


def members(seed: int, people: int = 3000, hard: Hardness | None = None) -> Members:
    """The records of about `people` people, shuffled."""
    rng, hard = random.Random(seed), hard or Hardness()
    free: list[str] = []  # numbers given back, to be given out again
    everyone: list[_Person] = []
    while len(everyone) < people:
        everyone += _household(rng, free)
    told = []
    for number, person in enumerate(everyone[:people]):
        for _ in range(_how_many(rng, hard.mean_records)):
            told.append((number, _record(rng, person, hard)))
    rng.shuffle(told)
    return Members(
        [{"id": f"r{i:06d}", **record} for i, (_, record) in enumerate(told)], [number for number, _ in told]
    )


def _how_many(rng: random.Random, mean: float) -> int:
    return rng.choices(range(1, 6), [mean**-k for k in range(1, 6)])[0] if mean > 1 else 1


def _household(rng: random.Random, free: list[str]) -> list[_Person]:
    size = rng.choices([1, 2, 3, 4], [0.4, 0.25, 0.25, 0.1])[0]
    homes, family_phone = [_home(rng), _home(rng)], _phone(rng, free)
    surname = _surname(rng)
    generation = rng.choice(_MALE + _FEMALE)
    people = []
    for i in range(size):
        gender = rng.choice("mf") if i != 1 else ("f" if people[0].gender == "m" else "m")
        own = surname if i != 1 or rng.random() < 0.05 else _surname(rng)
        year = rng.randint(1950, 1992) if i < 2 else rng.randint(1985, 2008)
        given = _given(rng, gender)
        if i >= 2 and rng.random() < 0.5:
            given = generation + rng.choice(_MALE if gender == "m" else _FEMALE)
        birth = f"{year}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
        person = _Person(own, given, gender, [_phone(rng, free), _phone(rng, free)], family_phone, [], homes, birth)
        if rng.random() < 0.02:
            first, last = rng.choice(_MINORITY[0]), rng.choice(_MINORITY[1])
            person = person._replace(surname="", given=f"{first}·{last}")
        if rng.random() < 0.1:
            free.append(person.phones[1])
        people.append(person._replace(emails=[_email(rng, person), _email(rng, person)]))
    return people


def _surname(rng: random.Random) -> str:
    return rng.choice(_COMPOUND) if rng.random() < 0.01 else rng.choices(_SURNAMES, _WEIGHTS)[0]


def _given(rng: random.Random, gender: str) -> str:
    own = _MALE if gender == "m" else _FEMALE
    first = rng.choice(own)
    return first if rng.random() < 0.3 else first + rng.choice(own if rng.random() < 0.8 else _MALE + _FEMALE)


def _phone(rng: random.Random, free: list[str]) -> str:
    if free and rng.random() < 0.02:
        return free.pop(rng.randrange(len(free)))
    return rng.choice(_HEADS) + f"{rng.randrange(10**8):08d}"


def _email(rng: random.Random, person: _Person) -> str:
    from pypinyin import lazy_pinyin

    words = lazy_pinyin(person.surname + person.given.replace("·", ""))
    local = rng.choice(
        [
            "".join(words) + str(rng.randint(1, 9999)),
            words[0] + "".join(w[0] for w in words[1:]) + person.birth[:4] + str(rng.randint(0, 99)),
            str(rng.randint(10**7, 10**10)),
            "".join(w[0] for w in words) + "_" + str(rng.randint(10, 99999)),
        ]
    )
    return f"{local}@{rng.choice(_MAILS)}"


def _home(rng: random.Random) -> tuple[str, ...]:
    (province, city), districts = rng.choice(list(_CITIES.items()))
    estate = rng.choice(_ESTATES_A) + rng.choice(_ESTATES_B)
    room = f"{rng.randint(1, 32)}{rng.randint(1, 4):02d}"
    return (province, city, rng.choice(districts), rng.choice(_ROADS), str(rng.randint(1, 500)), estate,
            str(rng.randint(1, 30)), str(rng.randint(1, 4)), room)  # fmt: skip


def _record(rng: random.Random, person: _Person, hard: Hardness) -> dict[str, str]:
    return {
        "name": _told_name(rng, person, hard),
        "phone": _told_phone(rng, person, hard),
        "email": _told_email(rng, person, hard),
        "address": _told_address(rng, person, hard),
        "birth_date": _told_birth(rng, person, hard),
        "gender": "" if rng.random() < 0.2 else _told_gender(rng, person),
    }


def _told_gender(rng: random.Random, person: _Person) -> str:
    gender = person.gender if rng.random() > 0.01 else ("f" if person.gender == "m" else "m")
    return rng.choice({"m": ["男", "M", "男"], "f": ["女", "F", "女"]}[gender])


def _told_name(rng: random.Random, person: _Person, hard: Hardness) -> str:
    from opencc import OpenCC
    from pypinyin import lazy_pinyin

    surname, given = person.surname, person.given
    way = rng.random()
    if way < 0.03:
        return ""
    if way < 0.03 + hard.short_name and surname:
        short = rng.choice([surname + rng.choice(_TITLES[person.gender])] * 2 + ["阿" + given[-1], "小" + given[-1]])
        return short if len(surname) == 1 else surname + rng.choice(["先生", "女士"])
    name = surname + given
    if rng.random() < hard.wrong_character:
        name = _replaced(rng, name, _HOMOPHONES)
    if rng.random() < 0.02:
        name = _replaced(rng, name, _LOOK_ALIKE)
    if rng.random() < 0.02 and surname:
        words = [lazy_pinyin(surname), lazy_pinyin(given)]
        return " ".join("".join(w).capitalize() for w in (words if rng.random() < 0.5 else words[::-1]))
    if rng.random() < 0.06:
        name = OpenCC("s2t").convert(name)
    if rng.random() < 0.04:
        name = rng.choice([f"{name[:1]} {name[1:]}", f"{name} ", name + {"m": "先生", "f": "女士"}[person.gender]])
    return name.replace("·", "") if rng.random() < 0.3 else name


def _replaced(rng: random.Random, name: str, groups: list[str]) -> str:
    places = [(i, g) for i, c in enumerate(name) for g in groups if c in g and len(set(g)) > 1]
    if not places:
        return name
    i, group = rng.choice(places)
    return name[:i] + rng.choice([c for c in group if c != name[i]]) + name[i + 1 :]


def _told_phone(rng: random.Random, person: _Person, hard: Hardness) -> str:
    if rng.random() < hard.missing_phone:
        return ""
    phone = person.phones[1 if rng.random() < hard.changed_phone else 0]
    if rng.random() < hard.borrowed_phone:
        phone = person.family_phone
    if rng.random() < hard.masked_phone:
        return f"{phone[:3]}****{phone[-4:]}"
    if rng.random() < hard.mistyped_phone:
        i = rng.randrange(3, 11)
        phone = phone[:i] + rng.choice("0123456789") + phone[i + 1 :]
    return rng.choice(
        [phone] * 5 + [f"+86 {phone}", f"{phone[:3]} {phone[3:7]} {phone[7:]}", f"{phone[:3]}-{phone[3:7]}-{phone[7:]}"]
    )


def _told_email(rng: random.Random, person: _Person, hard: Hardness) -> str:
    if rng.random() < hard.missing_email:
        return ""
    email = person.emails[1 if rng.random() < hard.changed_email else 0]
    if rng.random() < 0.03:
        i = rng.randrange(len(email.partition("@")[0]))
        email = email[:i] + email[i + 1 :]
    if rng.random() < 0.03:
        email = email.partition("@")[0] + "@" + rng.choice(_MAILS)
    return email.upper() if rng.random() < 0.03 else email


def _told_address(rng: random.Random, person: _Person, hard: Hardness) -> str:
    from opencc import OpenCC

    if rng.random() < hard.missing_address:
        return ""
    province, city, district, road, number, estate, building, unit, room = person.homes[rng.random() < hard.moved]
    place = [
        f"{road}{number}号{estate}{building}栋{unit}单元{room}室",
        f"{road}{number}号{estate}{building}栋{room}",
        f"{estate}{building}幢{unit}单元{room}",
        f"{road}{number}号{estate}{building}-{unit}-{room}",
        f"{road}{number}号",
        f"{estate}{building}号楼{room}室",
    ]
    head = rng.choice([province + city + district] * 3 + [city + district, city[:-1] + district, district])
    address = head + rng.choices(place, [4, 2, 2, 2, 1, 1])[0]
    if rng.random() < 0.03:
        address = OpenCC("s2t").convert(address)
    return address.replace("号", " 号 ") if rng.random() < 0.02 else address


def _told_birth(rng: random.Random, person: _Person, hard: Hardness) -> str:
    if rng.random() < hard.missing_birth:
        return ""
    year, month, day = person.birth.split("-")
    if rng.random() < 0.02:
        return rng.choice(["1990-01-01", "1900-01-01", "1980-01-01"])
    if rng.random() < 0.02 and int(day) <= 12:
        month, day = day, month
    if rng.random() < 0.02:
        day = f"{rng.randint(1, 28):02d}"
    if rng.random() < 0.01:
        year = str(int(year) + rng.choice([-10, -1, 1, 10]))
    return rng.choice(
        [f"{year}-{month}-{day}"] * 3
        + [f"{year}/{int(month)}/{int(day)}", f"{year}{month}{day}", f"{year}年{int(month)}月{int(day)}日"]
    )
