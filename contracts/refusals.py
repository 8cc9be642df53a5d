"""Bad input is a value: a code, the place in the record, and words that a shop manager understands.

A reason never repeats a value of the record, because the value may be somebody's phone number.
"""

from typing import NamedTuple

# code → (English, Chinese). Docs and console print these; docs/refusals.md is checked against them.
REASONS: dict[str, tuple[str, str]] = {
    "not_utf8": (
        "The line is not UTF-8 text. Export the file as UTF-8.",
        "该行不是 UTF-8 文本，请以 UTF-8 重新导出。",
    ),
    "not_json": (
        "The line is not one whole JSON object; it may be cut off.",
        "该行不是完整的 JSON 对象，可能被截断。",
    ),
    "too_deep": ("The line nests deeper than any receipt does.", "该行嵌套层级过深，不是小票。"),
    "too_large": ("The line is larger than Kafka accepts.", "该行超过 Kafka 允许的大小。"),
    "missing": ("A required field is missing.", "缺少必填字段。"),
    "wrong_type": ("A field holds the wrong kind of value.", "字段的取值类型不正确。"),
    "unknown_field": ("The record has a field that this format does not know.", "存在本格式未定义的字段。"),
    "written_twice": (
        "A field is written twice, so it is unclear which of the two counts.",
        "同一字段出现两次，无法确定以哪一个为准。",
    ),
    "bad_value": ("A field holds a value that is not allowed there.", "字段取值不在允许范围内。"),
    "bad_time": (
        "The business time is not a date and time with an offset, such as 2026-11-22T10:30:00+08:00.",
        "营业时间须为带时区偏移的日期时间，例如 2026-11-22T10:30:00+08:00。",
    ),
    "no_lines": ("The receipt has no lines.", "小票没有明细行。"),
    "sku_or_barcode": (
        "A line must name its product by SKU or by barcode, one of the two.",
        "明细行须且只须给出 SKU 或条码之一。",
    ),
    "tenders_differ": (
        "The payments do not add up to the lines of the receipt.",
        "付款合计与明细合计不一致。",
    ),
    "unknown_sku": (
        "The SKU is in no product of the reference file. Add the product, or correct the line.",
        "商品主数据中没有该 SKU，请补充商品或更正该行。",
    ),
    "unknown_barcode": (
        "The barcode is in no product of the reference file. Add the product, or correct the line.",
        "商品主数据中没有该条码，请补充商品或更正该行。",
    ),
    "unknown_unit": (
        "The product is not sold in this unit. Add the unit to the product, or correct the line.",
        "该商品没有此计量单位，请在主数据中补充单位或更正该行。",
    ),
    "part_of_unit": (
        "The quantity does not come to a whole number of the product's base unit.",
        "数量换算后不是基本单位的整数。",
    ),
    "bad_identifier": (
        "A customer identifier cannot be read as what it says it is (for example, a phone number).",
        "顾客标识无法识别，例如电话号码格式不正确。",
    ),
}


class Refused(NamedTuple):
    """Why a record was not taken. `place` is a path into the record, such as `lines[3].unit`."""

    code: str
    place: str = ""

    def reason(self, language: str = "en") -> str:
        return REASONS[self.code][1 if language == "zh" else 0]
