import pytest

from contracts.errors import BadInput
from oneid.rules import parse
from tests.oneid.people import RULES

ONE = "version: 1\nidentifiers:\n  card: {title: {en: a, zh: b}, priority: 1, anchor: true, limits: [{most: 1, ever: true}]}\n"


def test_the_platforms_rules_say_what_a_person_has_one_of():
    assert RULES.exclusive == {"login", "wechat_unionid", "wechat_openid", "card"}
    assert RULES.anchors >= RULES.exclusive
    assert RULES.windows["device"] == ((1, 5),)


def test_values_that_are_nobodys_are_blocked_whole():
    assert RULES.is_blocked("phone", "+8613800000000")
    assert RULES.is_blocked("card", "000000")
    assert not RULES.is_blocked("card", "0000001")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("identifiers: [", "YAML"),
        ("version: 1\nidentifiers: {}\n", "there are 0 identifier types"),
        (ONE.replace("priority", "prority"), "prority"),
        (ONE + "  login: {title: {en: a, zh: b}, priority: 1}\n", "the same priority"),
        (ONE.replace("ever: true}]", "ever: true, weeks: 2}]"), "one of them"),
        (ONE.replace("anchor: true", "anchor: true, shared: true"), "anchor"),
        (ONE + "  Phone: {title: {en: a, zh: b}, priority: 2}\n", "no name of a type"),
        (ONE + "blocked: [{type: phone, exact: ['1']}]\n", "unknown"),
        (ONE + "blocked: [{type: card, pattern: '('}]\n", "regular expression"),
    ],
)
def test_a_mistake_in_a_rule_file_is_told_with_what_to_do(text, word):
    with pytest.raises(BadInput) as caught:
        parse(text, "my.yml")
    assert word in caught.value.wrong
    assert "my.yml" in caught.value.wrong
    assert caught.value.do
