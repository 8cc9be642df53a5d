"""The spellings of the later identifier types are as frozen as the first two: no literal value here may change."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneid.identifiers import TYPES, masked_phone, nid, normalise

KEY = bytes(range(32))


@pytest.mark.parametrize(
    ("type", "value", "spelt"),
    [
        ("email", " Li.Wei+Shop@Example.COM ", "li.wei+shop@example.com"),
        ("email", "ｌｉ＠ｅｘａｍｐｌｅ．ｃｏｍ", "li@example.com"),
        ("email", "li\u200b@例子.中国", "li@xn--fsqu00a.xn--fiqs8s"),
        ("email", "mailto:<li@example.com>", "li@example.com"),
        ("email", "li@example", None),
        ("email", "li@@example.com", None),
        ("email", "@example.com", None),
        ("email", "无", None),
        ("login", "LiWei_88", "liwei_88"),
        ("login", "用户八", "用户八"),
        ("login", "13812345678", None),
        ("login", "li@example.com", None),
        ("login", "x", None),
        ("wechat_openid", "oLVPpjqs9BhvzwPj5A-vTYAX3GLc", "oLVPpjqs9BhvzwPj5A-vTYAX3GLc"),
        ("wechat_openid", "wx0123456789abcdef:oLVPpjqs9BhvzwPj5A-vTYAX3GLc", "wx0123456789abcdef:oLVPpjqs9BhvzwPj5A-vTYAX3GLc"),
        ("wechat_openid", "张伟", None),
        ("wechat_unionid", "o6_bmasdasdsad6_2sgVt7hMZOPfL", "o6_bmasdasdsad6_2sgVt7hMZOPfL"),
        ("wechat_unionid", "short", None),
        ("device", "{6D92078A-8246-4BA4-AE5B-76104861E7DC}", "6d92078a82464ba4ae5b76104861e7dc"),
        ("device", "35 209900 176148 1", "352099001761481"),
        ("device", "00000000-0000-0000-0000-000000000000", None),
        ("cookie", "GA1.2.1234567890.1600000000", "GA1.2.1234567890.1600000000"),
        ("cookie", "a b c d e f", None),
        ("erp_customer", "c-000 123", "C000123"),
        ("erp_customer", "0000123", "0000123"),
        ("erp_customer", "客户1", None),
        ("mall_loyalty", "mx 8800-0012", "MX88000012"),
        ("name", "張偉 先生", "张伟"),
        ("name", "Mr. JOHN  Smith", "john smith"),
        ("name", "张先生", None),
        ("address", "廣東省深圳市南山區科苑路１５號", "广东省深圳市南山区科苑路15号"),
        ("address", "深圳市南山区", None),
    ],
)  # fmt: skip
def test_each_type_has_one_spelling(type: str, value: str, spelt: str | None) -> None:
    assert normalise(type, value, "CN") == spelt


@pytest.mark.parametrize(
    ("value", "spelt"),
    [
        ("138****1234", "+86138****1234"),
        ("138 **** 1234", "+86138****1234"),
        ("+86 138xxxx1234", "+86138****1234"),
        ("１３８＊＊＊＊１２３４", "+86138****1234"),
        ("138**1234", "+86138****1234"),
        ("*******1234", "+86*******1234"),
        ("138****", None),
        ("13812345678", None),
        ("***", None),
        ("1**2", None),
        ("会员****", None),
    ],
)
def test_a_masked_phone_is_read_but_is_no_identifier(value: str, spelt: str | None) -> None:
    assert masked_phone(value, "CN") == spelt
    if spelt:
        assert normalise("phone", value, "CN") is None


def test_names_of_the_later_types_are_frozen() -> None:
    assert nid(KEY, "email", "li@example.com") == "email:249ed283f568a8f2346b6f373c3c625c"
    assert nid(KEY, "wechat_openid", "oLVPpjqs9BhvzwPj5A-vTYAX3GLc") == "wechat_openid:b80ebfd00c769f891d8137c967ce7c13"


@given(st.sampled_from(TYPES), st.text(max_size=80))
def test_no_text_makes_it_raise_and_one_spelling_is_its_own(type: str, value: str) -> None:
    spelt = normalise(type, value, "CN")
    if spelt is not None:
        assert normalise(type, spelt, "CN") == spelt
        assert masked_phone(value, "CN") is None or type != "phone"
