"""Which column of a file holds what. Pure.

A mapping names a column for each role that a file has, and nothing else is needed:

    columns:
      id: member_no
      name: 姓名
      phone: 手机
    region: CN

Roles whose columns have obvious names are found without one.
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from contracts.errors import BadInput
from oneid.spelling import plain, simplified

# What each role holds.
ROLES: dict[str, str] = {
    "id": "the record's own key, unique in the file",
    "name": "the whole name",
    "surname": "family name, when it has a column of its own",
    "given_name": "given name, when it has a column of its own",
    "phone": "phone number, masked ones too (`138****1234`)",
    "email": "e-mail address",
    "address": "the whole address in one column",
    "street_number": "house number",
    "street": "street",
    "street2": "second line of the address",
    "suburb": "suburb, district or county",
    "city": "city",
    "state": "state or province",
    "postcode": "postcode",
    "birth_date": "date of birth, in any order that can be told",
    "gender": "gender",
    "id_number": "a personal number: identity card, social security …",
    "card": "member card number",
    "wechat": "WeChat open id or union id",
    "device": "device id",
    "login": "login name",
}

# Column names that say what they hold, compared without case, spaces and _ - . ( ).
_OBVIOUS = """
id: id recid recordid rowid uniqueid memberid memberno customerid custid uid key 编号 会员编号 会员id 会员号
id: 记录号 序号 客户编号
name: name fullname customername membername contactname realname 姓名 名字 名称 会员姓名 客户姓名 顾客姓名 联系人 收货人 真实姓名
surname: surname lastname familyname lname sname 姓 姓氏
given_name: givenname firstname forename fname gname 名
phone: phone phonenumber phoneno mobile mobilephone mobileno tel telephone cell cellphone 手机 手机号 手机号码
phone: 电话 电话号码 联系电话 移动电话
email: email emailaddress mail 邮箱 电子邮箱 电子邮件 邮件
address: address addr fulladdress shippingaddress homeaddress 地址 住址 家庭住址 收货地址 详细地址 联系地址 通讯地址
street_number: streetnumber streetno housenumber houseno 门牌号
street: street streetname address1 addr1 addressline1 road 街道 路名
street2: address2 addr2 addressline2 building
suburb: suburb district county town locality 区 区县 县
city: city 市 城市
state: state province region stateprovince 省 省份
postcode: postcode postalcode zip zipcode 邮编 邮政编码
birth_date: birthdate birthday dateofbirth dob birth bday 生日 出生日期 出生年月 出生年月日
gender: gender sex 性别
id_number: socsecid ssn socialsecurity socialsecuritynumber idnumber idcard idno nationalid passport 身份证
id_number: 身份证号 身份证号码 证件号 证件号码
card: card cardno cardnumber membercard loyaltycard loyaltyno 卡号 会员卡 会员卡号
wechat: wechat openid unionid wechatid wxopenid wxunionid 微信 微信号 微信openid 微信unionid
device: device deviceid imei idfa oaid 设备号 设备id
login: login loginname username account nickname 用户名 账号 登录名
"""
_ROLE_OF = {
    name: role
    for role, _, names in (line.partition(": ") for line in _OBVIOUS.strip().splitlines())
    for name in names.split()
}


class MatchMapping(NamedTuple):
    """`columns`: role → column. `region`: the country of phone numbers that are written without one."""

    columns: dict[str, str]
    region: str = "CN"

    @property
    def roles(self) -> frozenset[str]:
        return frozenset(self.columns)


def guessed(columns: Iterable[str]) -> dict[str, str]:
    """Role → column, for the columns whose names are obvious; the first of two that would serve. May be empty."""
    found: dict[str, str] = {}
    for column in columns:
        role = _ROLE_OF.get(re.sub(r"[\s_\-.()（）]", "", simplified(plain(column))).casefold())
        if role:
            found.setdefault(role, column)
    return found


def mapped(given: object, columns: list[str]) -> MatchMapping:
    """The mapping in a parsed YAML document, or for None the obvious one. `BadInput` tells what does not fit the file."""
    if given is None:
        return checked(MatchMapping(guessed(columns)), columns)
    if isinstance(given, Mapping) and "columns" not in given and set(given) <= {*ROLES, "region"}:
        # Roles without the word `columns` above them: what is meant is clear.
        given = {"columns": {k: v for k, v in given.items() if k != "region"}, "region": given.get("region", "CN")}
    if not isinstance(given, Mapping) or not isinstance(given.get("columns"), Mapping):
        raise BadInput("The mapping has no `columns`.", "columns: then a line `role: column` each.")
    if unknown := sorted(map(str, set(given) - {"columns", "region"})):
        raise BadInput(f"The mapping knows no {', '.join(unknown)}.", "It has: columns, region.")
    chosen = {str(role): str(column) for role, column in given["columns"].items() if column is not None}
    return checked(MatchMapping(chosen, str(given.get("region", "CN")).upper()), columns)


def checked(mapping: MatchMapping, columns: list[str]) -> MatchMapping:
    if unknown := sorted(mapping.roles - set(ROLES)):
        raise BadInput(f"There is no role {', '.join(unknown)}.", f"Roles: {', '.join(ROLES)}.")
    if missing := sorted(set(mapping.columns.values()) - set(columns)):
        raise BadInput(
            f"The file has no column {', '.join(missing)}.", f"It has: {', '.join(columns)}. Correct the mapping."
        )
    if "id" not in mapping.columns:
        raise BadInput(
            f"No column is known to hold the record's id. The file has: {', '.join(columns)}.",
            "Name it in a mapping (--mapping MAP.yml), for example: columns: {id: rec_id, name: name}.",
        )
    if len(mapping.roles - {"id", "gender"}) < 1:
        raise BadInput(
            f"No column is known to say anything of a person. The file has: {', '.join(columns)}.",
            f"Name some in a mapping (--mapping MAP.yml). Roles: {', '.join(ROLES)}.",
        )
    return mapping
