"""Chinese addresses: what is read from them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneid.addresses import Address, parse
from oneid.identifiers import normalise

A = Address
READ = [
    ("广东省深圳市南山区粤海街道科苑路15号科兴科学园B栋3单元1201室",
     A("广东", "深圳", "南山区", "粤海街道", "科苑路", "15", "科兴科学园", "B", "3", "1201")),
    ("深圳南山区科苑路15号", A("广东", "深圳", "南山区", "", "科苑路", "15")),
    ("廣東省深圳市南山區科苑路１５號", A("广东", "深圳", "南山区", "", "科苑路", "15")),
    ("上海市浦东新区张杨路500号", A("上海", "上海", "浦东新区", "", "张杨路", "500")),
    ("上海上海市徐汇区漕溪北路88弄4号602室", A("上海", "上海", "徐汇区", "", "漕溪北路", "88弄4", "", "", "", "602")),
    ("北京市朝阳区建国路93号院万达广场8号楼1203", A("北京", "北京", "朝阳区", "", "建国路", "93", "万达广场", "8", "", "1203")),
    ("朝阳区建国路93号", A("", "", "朝阳区", "", "建国路", "93")),
    ("中山路12号", A("", "", "", "", "中山路", "12")),
    ("北京东路三十二号", A("", "", "", "", "北京东路", "32")),
    ("浙江省杭州市西湖区文三路478号华星时代广场A座", A("浙江", "杭州", "西湖区", "", "文三路", "478", "华星时代广场", "A")),
    ("杭州市余杭区五常街道阳光花园3幢二单元501室",
     A("浙江", "杭州", "余杭区", "五常街道", "", "", "阳光花园", "3", "2", "501")),
    ("江苏省苏州市昆山市玉山镇人民南路8号", A("江苏", "苏州", "昆山市", "玉山镇", "人民南路", "8")),
    ("昆山市人民南路8号", A("", "昆山", "", "", "人民南路", "8")),
    ("内蒙古自治区呼和浩特市新城区", A("内蒙古", "呼和浩特", "新城区")),
    ("广西壮族自治区南宁市青秀区民族大道100号", A("广西", "南宁", "青秀区", "", "民族大道", "100")),
    ("新疆乌鲁木齐市天山区", A("新疆", "乌鲁木齐", "天山区")),
    ("云南省大理白族自治州大理市古城镇", A("云南", "大理", "大理市", "古城镇")),
    ("吉林省吉林市船营区解放大路1号", A("吉林", "吉林", "船营区", "", "解放大路", "1")),
    ("吉林市船营区", A("吉林", "吉林", "船营区")),
    ("湖北省武汉市洪山区珞喻路东段5号阳光小区3-2-501",
     A("湖北", "武汉", "洪山区", "", "珞喻路东段", "5", "阳光小区", "3", "2", "501")),
    ("河北省保定市定兴县李郁庄乡张家村12号", A("河北", "保定", "定兴县", "李郁庄乡", "", "12", "张家村")),
    ("天津市河北区中山路1号", A("天津", "天津", "河北区", "", "中山路", "1")),
    ("12 Main St, Springfield", A(road="main street springfield", number="12")),
]  # fmt: skip


@pytest.mark.parametrize(("text", "parts"), READ)
def test_what_is_read_from_an_address(text: str, parts: Address) -> None:
    assert parse(text) == parts


@pytest.mark.parametrize(("text", "parts"), READ)
def test_the_spelling_of_an_address_reads_as_the_same(text: str, parts: Address) -> None:
    assert parse(parts.spelling) == parts


@pytest.mark.parametrize(
    "same",
    [
        ("广东省深圳市南山区科苑路15号", "深圳市南山区科苑路十五号", "中国廣東 深圳 南山区 科苑路15号,518000"),
        ("12 Main Street", "12 MAIN ST."),
        ("阳光花园3幢二单元501室", "阳光花园3栋2单元501"),
    ],
)  # fmt: skip
def test_ways_of_writing_one_address_have_one_spelling(same: tuple[str, ...]) -> None:
    assert len({normalise("address", text, "CN") for text in same}) == 1


@pytest.mark.parametrize("text", ["", " ", "-", "。"])
def test_an_empty_address_is_none(text: str) -> None:
    assert parse(text) is None


@given(
    st.text(max_size=40)
    | st.lists(st.sampled_from("广东省深圳市南山区路街道号1一十弄栋单元室-A吉林"), max_size=14).map("".join)
)
def test_no_text_makes_it_raise_and_a_spelling_is_its_own(text: str) -> None:
    parse(text)
    spelt = normalise("address", text, "CN")
    if spelt is not None:
        assert normalise("address", spelt, "CN") == spelt
