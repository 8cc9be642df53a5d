"""Names: what is read from them, and which two one person may bear."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneid.names import Verdict, compatible, name_tokens, parse, surname_sound, verdict

KEY = bytes(range(32))

SAME, COMPATIBLE, SURNAME_ONLY, CONFLICT = Verdict.SAME, Verdict.COMPATIBLE, Verdict.SURNAME_ONLY, Verdict.CONFLICT

TABLE = [
    ("张伟", "張偉", SAME),
    ("张伟", "张 伟 先生", SAME),
    ("张伟", "张\u200b伟", SAME),
    ("张伟", "张伟🌹", SAME),
    ("张伟", "张伟(David)", SAME),
    ("张伟", "张伟老师", SAME),
    ("John Smith", "JOHN  SMITH", SAME),
    ("José García", "Jose Garcia", SAME),
    ("Ｊｏｈｎ Ｓｍｉｔｈ", "Mr. John Smith", SAME),
    ("张伟", "章玮", COMPATIBLE),
    ("张英", "张应", COMPATIBLE),
    ("陈胜", "程森", COMPATIBLE),
    ("张伟", "Zhang Wei", COMPATIBLE),
    ("张伟", "Wei ZHANG", COMPATIBLE),
    ("张晓明", "Xiaoming Zhang", COMPATIBLE),
    ("张晓明", "Zhang Xiao Ming", COMPATIBLE),
    ("欧阳娜娜", "Ouyang Nana", COMPATIBLE),
    ("吕丽", "Lyu Li", COMPATIBLE),
    ("单雄信", "Shan Xiongxin", COMPATIBLE),
    ("张伟", "张先生", COMPATIBLE),
    ("张伟", "张*", COMPATIBLE),
    ("张晓明", "张**", COMPATIBLE),
    ("张晓明", "张*明", COMPATIBLE),
    ("张伟", "小张", COMPATIBLE),
    ("张伟", "张总", COMPATIBLE),
    ("欧阳锋", "欧阳先生", COMPATIBLE),
    ("张先生", "張女士", COMPATIBLE),
    ("张晓明", "小明", COMPATIBLE),
    ("张晓明", "阿明", COMPATIBLE),
    ("李娜", "娜娜", COMPATIBLE),
    ("小明", "阿明", COMPATIBLE),
    ("小明", "张先生", COMPATIBLE),
    ("阿卜杜拉·买买提", "阿卜杜拉买买提", SAME),
    ("买买提·吐尔迪", "买买提•土尔迪", COMPATIBLE),
    ("约翰·史密斯", "约翰．史密斯", SAME),
    ("J. Smith", "John Smith", COMPATIBLE),
    ("Smith, John", "John Smith", SAME),
    ("Smith John", "John Smith", COMPATIBLE),
    ("Mary Ann Lee", "Mary Lee", COMPATIBLE),
    ("Mr Smith", "John Smith", COMPATIBLE),
    ("Smith", "John Smith", COMPATIBLE),
    ("John", "John Smith", COMPATIBLE),
    ("O'Brien, Kate", "Kate OBrien", SAME),
    ("张伟", "张娜", SURNAME_ONLY),
    ("张晓明", "张晓红", SURNAME_ONLY),
    ("欧阳锋", "欧阳克", SURNAME_ONLY),
    ("John Smith", "Jane Smith", SURNAME_ONLY),
    ("张伟", "Zhang Na", SURNAME_ONLY),
    ("帕提古丽·买买提", "阿卜杜拉·买买提", SURNAME_ONLY),
    ("张伟", "李伟", CONFLICT),
    ("张伟", "李女士", CONFLICT),
    ("欧阳锋", "欧锋", CONFLICT),
    ("张晓明", "阿强", CONFLICT),
    ("张伟", "小李", CONFLICT),
    ("John Smith", "John Miller", CONFLICT),
    ("Mr Smith", "John Miller", CONFLICT),
    ("Peter", "John Miller", CONFLICT),
    ("张伟", "John Smith", CONFLICT),
]


@pytest.mark.parametrize(("a", "b", "said"), TABLE)
def test_how_two_names_stand_to_each_other(a: str, b: str, said: Verdict) -> None:
    x, y = name_tokens(a, KEY), name_tokens(b, KEY)
    assert x is not None
    assert y is not None
    assert verdict(x, y) is said
    assert verdict(y, x) is said
    assert compatible(x, y) is (said in {SAME, COMPATIBLE})


@pytest.mark.parametrize(
    ("name", "surname", "given", "known"),
    [
        ("王小明", "王", "小明", "full"),
        ("歐陽震華", "欧阳", "震华", "full"),
        ("司马懿", "司马", "懿", "full"),
        ("爱新觉罗溥仪", "爱新觉罗", "溥仪", "full"),
        ("诸葛先生", "诸葛", "", "surname"),
        ("王女士", "王", "", "surname"),
        ("老王", "王", "", "surname"),
        ("欧阳**", "欧阳", "", "surname"),
        ("方明", "方", "明", "full"),
        ("小燕子", "小", "燕子", "full"),
        ("买买提·吐尔逊", "吐尔逊", "买买提", "full"),
        ("阿美", "", "美", "given"),
        ("Ludwig van Beethoven", "beethoven", "ludwig van", "full"),
    ],
)
def test_what_is_read_from_a_name(name: str, surname: str, given: str, known: str) -> None:
    read = parse(name)
    assert read is not None
    assert (read.surname, read.given, read.known) == (surname, given, known)


@pytest.mark.parametrize(
    "text", ["", "  ", "先生", "匿名", "13812345678", "test", "会员1234", "\u200b", "x@y.cn", "🌹", "*明"]
)
def test_what_is_no_name_is_refused(text: str) -> None:
    assert parse(text) is None
    assert name_tokens(text, KEY) is None


@pytest.mark.parametrize(
    ("surname", "sound"),
    [("单", "san"), ("仇", "qiu"), ("解", "xie"), ("查", "za"), ("曾", "zen"), ("区", "ou"), ("朴", "piao"), ("尉迟", "yuci"),
     ("万俟", "moqi"), ("盖", "ge"), ("任", "ren"), ("乐", "yue"), ("张", "zan")],
)  # fmt: skip
def test_a_surname_is_read_as_a_surname(surname: str, sound: str) -> None:
    assert surname_sound(surname) == sound


def test_tokens_are_pinned_and_differ_by_key() -> None:
    assert name_tokens("张伟", KEY) == "zmoHwCEY1zx9EAQc2l5oJ2l5oJ-----"
    assert name_tokens("张伟", KEY[::-1]) != name_tokens("张伟", KEY)


def test_an_unknown_name_stands_against_nobody() -> None:
    assert compatible(None, name_tokens("张伟", KEY))


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_text_makes_it_raise(a: str, b: str) -> None:
    x, y = name_tokens(a, KEY), name_tokens(b, KEY)
    if x and y:
        assert x.isascii()
        assert len(x) in {31, 51}
        assert verdict(x, y) is verdict(y, x)
        assert compatible(x, x)


@given(st.lists(st.sampled_from("张欧阳单王小老阿明伟·*先生女士A b.Smith-"), min_size=1, max_size=6).map("".join))
def test_a_name_is_compatible_with_itself_and_its_spelling(name: str) -> None:
    read, tokens = parse(name), name_tokens(name, KEY)
    if read is not None and read.known in {"full", "surname"}:
        assert compatible(tokens, name_tokens(name, KEY))
        assert compatible(tokens, name_tokens(f" {name}\u200b ", KEY))
