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
    "not_xml": (
        "The record is not one whole Transaction element of ARTS POSLog 6, or it has a document type or entities.",
        "该记录不是完整的 ARTS POSLog 6 Transaction 元素，或含有 DOCTYPE / 实体。",
    ),
    "no_receipt": (
        "The transaction is no finished retail transaction: it was cancelled, suspended, for practice, or of another kind.",
        "该交易不是已完成的零售交易（已取消、挂单、练习或其他类型）。",
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
    "unknown_topic": (
        "The shop's message is about a topic that this feed does not take. Send orders, refunds and fulfillments only.",
        "网店消息的主题不在本数据源接收范围内，只接收订单、退款与履约消息。",
    ),
    "unknown_currency": (
        "The currency is no code of ISO 4217, such as CNY. Correct it at the source.",
        "币种不是 ISO 4217 代码（例如 CNY），请在源头更正。",
    ),
    "bad_amount": (
        "The amount is no plain decimal number of the currency's units, such as 12.30.",
        "金额不是该币种的十进制数，例如 12.30。",
    ),
    "mixed_currencies": (
        "Amounts that belong together are in several currencies. Send one record for each currency.",
        "应属同一币种的金额出现了多个币种，请按币种拆分。",
    ),
    "no_identity": (
        "The call names nobody: it needs a userId or an anonymousId.",
        "调用没有任何身份标识，须给出 userId 或 anonymousId。",
    ),
    "unknown_format": (
        "The record does not say in which format it is written. Set the header zt_format.",
        "记录未说明其格式，请设置消息头 zt_format。",
    ),
    "epcis_schema": (
        "The document breaks GS1's JSON Schema of EPCIS 2.0 (JSON/JSON-LD binding) at this place.",
        "文档在此处不符合 GS1 发布的 EPCIS 2.0 JSON Schema（JSON/JSON-LD 绑定）。",
    ),
    "epcis_missing": (
        "A field that EPCIS 2.0 requires here (core event types; JSON/JSON-LD binding of documents) is missing. Add it.",
        "缺少 EPCIS 2.0（核心事件类型；文档的 JSON/JSON-LD 绑定）要求的字段，请补充。",
    ),
    "epcis_type": (
        "A field has another type than EPCIS 2.0 (JSON/JSON-LD binding, JSON Schema) gives it, "
        "such as text where a number or a list belongs.",
        "字段类型与 EPCIS 2.0（JSON/JSON-LD 绑定及其 JSON Schema）不符，例如应为数字或列表却写成文本。",
    ),
    "epcis_field": (
        "A field is none of EPCIS 2.0 here (core event types). "
        "Extension fields need a prefix or a full URI (extension mechanisms).",
        "该字段不属于 EPCIS 2.0 在此处的字段（核心事件类型）；扩展字段须带前缀或完整 URI（扩展机制）。",
    ),
    "epcis_vocabulary": (
        "The word is not in the standard vocabulary (CBV 2.0, standard vocabularies). Use one of its words, or a URI of your own.",
        "取值不在标准词汇表内（CBV 2.0，标准词汇），请使用标准词汇或自有 URI。",
    ),
    "epcis_time": (
        "The moment is not written as EPCIS 2.0 wants it: date-time of RFC 3339 with an offset (primitive types).",
        "时间须按 EPCIS 2.0（基本类型）写成带时区偏移的 RFC 3339 日期时间。",
    ),
    "epcis_uri": (
        "EPCIS 2.0 wants a URI here (identifier representation; RFC 3986), such as urn:epc:id:sgtin:… or https://id.gs1.org/01/….",
        "EPCIS 2.0（标识符表示；RFC 3986）要求此处为 URI，例如 urn:epc:id:sgtin:… 或 https://id.gs1.org/01/…。",
    ),
    "epcis_value": (
        "The value has not the form that GS1's JSON Schema of EPCIS 2.0 gives it (JSON/JSON-LD binding).",
        "取值形式与 GS1 发布的 EPCIS 2.0 JSON Schema（JSON/JSON-LD 绑定）不符。",
    ),
    "epcis_lists": (
        "The event names no objects: EPCIS 2.0 (core event types, the what dimension) wants its list of EPCs or quantities.",
        "事件未列出任何对象：EPCIS 2.0（核心事件类型，what 维度）要求 EPC 列表或数量列表。",
    ),
    "epcis_repeated": (
        "The list names the same thing twice; EPCIS 2.0 (JSON Schema, uniqueItems) allows it once.",
        "列表中同一对象出现两次；EPCIS 2.0（JSON Schema，uniqueItems）只允许一次。",
    ),
    "epcis_twice": (
        "A field is written twice in one object, so it is unclear which counts (EPCIS 2.0, JSON/JSON-LD binding; RFC 8259, 4).",
        "同一对象中字段出现两次，无法确定以哪一个为准（EPCIS 2.0，JSON/JSON-LD 绑定；RFC 8259 第 4 节）。",
    ),
    "epcis_ilmd": (
        "Instance or lot master data belongs to events that make things: action ADD, or a transformation (EPCIS 2.0, ILMD).",
        "实例/批次主数据（ILMD）只用于产生对象的事件：action 为 ADD 或转换事件（EPCIS 2.0，ILMD）。",
    ),
    "epcis_event_type": (
        "The event is none of the five types of EPCIS 2.0 (core event types); own event types are not taken.",
        "事件不属于 EPCIS 2.0 的五种类型（核心事件类型），不接收自定义事件类型。",
    ),
    "epcis_query_document": (
        "A query document answers a query; capture takes an EPCISDocument or an event (EPCIS 2.0, core capture operations).",
        "查询结果文档不能用于采集；请发送 EPCISDocument 或单个事件（EPCIS 2.0，核心采集操作）。",
    ),
    "epcis_not_one_event": (
        "A raw record holds one event (EPCIS 2.0, core event types), not a document. "
        "Send documents with zhongtai ingest or POST /capture.",
        "一条原始记录只容纳一个事件（EPCIS 2.0，核心事件类型），文档请用 zhongtai ingest 或 POST /capture 发送。",
    ),
    "epcis_identifier": (
        "The GS1 identifier cannot be: its company prefix or its length is wrong (EPC Tag Data Standard, 6.3; "
        "GS1 Digital Link, URI syntax), or a date or part of it is written twice or is none.",
        "GS1 标识不成立：厂商前缀或长度有误（EPC 标签数据标准 6.3；GS1 Digital Link，URI 语法），或其中日期等部分重复或无效。",
    ),
    "epcis_check_digit": (
        "The check digit of the GS1 key is wrong (GS1 General Specifications, 7.9). Read it again, or correct it.",
        "GS1 代码的校验位不正确（GS1 通用规范 7.9），请重新读取或更正。",
    ),
    "epcis_quantity": (
        "The quantity is no number that can be counted: it is negative, or far too large (EPCIS 2.0, QuantityElement).",
        "数量无法计数：为负或过大（EPCIS 2.0，QuantityElement）。",
    ),
    "epcis_no_quantity": (
        "The event moves a class of goods of ours without saying how many (EPCIS 2.0, QuantityElement). Add the quantity.",
        "事件移动了本方某类商品却未给出数量（EPCIS 2.0，QuantityElement），请补充数量。",
    ),
    "epcis_context": (
        "The @context does not name GS1's context, without which the words could mean anything (EPCIS 2.0, JSON/JSON-LD binding). "
        "Add https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld.",
        "@context 未引用 GS1 的上下文，字段含义无法确定（EPCIS 2.0，JSON/JSON-LD 绑定）；"
        "请加入 https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld。",
    ),
    "epcis_version": (
        "The document says that it is of another version than 2 (EPCIS 2.0, schemaVersion). Export it as EPCIS 2.0.",
        "文档声明的版本不是 2（EPCIS 2.0，schemaVersion），请按 EPCIS 2.0 导出。",
    ),
    "epcis_count": (
        "The count ends before it begins, so its extension fields (EPCIS 2.0, extension mechanisms; vocabulary "
        "https://zhongtai.dev/epcis/) cannot be right. Correct countStart or countEnd.",
        "盘点结束早于开始（EPCIS 2.0，扩展机制；词汇 https://zhongtai.dev/epcis/），请更正 countStart 或 countEnd。",
    ),
    "epcis_declaration_differs": (
        "An error declaration repeats the event that it declares, with the same contents (EPCIS 2.0, 7.4.1.2); this one differs.",
        "错误声明须重复所声明事件的相同内容（EPCIS 2.0，7.4.1.2），此声明与原事件不一致。",
    ),
    "unknown_gtin": (
        "The GTIN is no barcode of any product in the reference file, and the event moves stock of ours. "
        "Add the barcode, or correct the GTIN.",
        "商品主数据中没有该 GTIN 对应的条码，而该事件涉及本方库存；请补充条码或更正 GTIN。",
    ),
    "unknown_location": (
        "The GLN has our company prefix and is no location in the reference file. Add the location, or correct the GLN.",
        "该 GLN 使用本企业厂商前缀，但地点主数据中没有；请补充地点或更正 GLN。",
    ),
    "erp_table": (
        "The table is none that this feed takes. docs/feeds/erp.md lists them; leave the others out of the export.",
        "该表不在本数据源接收范围内；可接收的表见 docs/feeds/erp.md，请从导出中去掉其他表。",
    ),
    "erp_envelope": (
        "The line is no Debezium change: it needs op, source and before or after (payload, where a schema is sent).",
        "该行不是 Debezium 变更消息：须有 op、source 以及 before 或 after（带 schema 时在 payload 中）。",
    ),
    "erp_operation": (
        "The change is of a kind that cannot be taken row by row (truncate, message). Send a full drop of the table instead.",
        "该变更类型无法逐行处理（truncate、message），请改为整表全量投放。",
    ),
    "erp_position": (
        "The change does not tell its place in the database's log (lsn, file and pos, change_lsn or scn), so its order is unknown.",
        "变更未给出其在数据库日志中的位置（lsn、file 与 pos、change_lsn 或 scn），无法确定先后。",
    ),
    "erp_decimal": (
        "The decimal is written as bytes, and no schema tells its scale. Set decimal.handling.mode to string, or send the schema.",
        "小数以字节编码且没有 schema 说明小数位；请将 decimal.handling.mode 设为 string 或发送 schema。",
    ),
    "erp_cells": (
        "The row has more or fewer cells than the header has columns. Look for a delimiter or a quote in a value.",
        "该行单元格数与表头列数不一致，请检查取值中的分隔符或引号。",
    ),
    "drop_manifest": (
        "The manifest is missing or not as docs/feeds/erp.md describes it, at this place. Correct it and send the drop again.",
        "清单文件缺失或此处不符合 docs/feeds/erp.md 的说明，请更正后重新投放。",
    ),
    "drop_file": (
        "A file that the manifest names is not in the folder. Copy it there, and send the drop again.",
        "清单中列出的文件不在目录中，请补齐后重新投放。",
    ),
    "drop_header": (
        "The header lacks this column, has it twice, or has one that the table does not know. "
        "Export the columns of docs/feeds/erp.md.",
        "表头缺少该列、重复该列，或含有本表未定义的列；请按 docs/feeds/erp.md 的列导出。",
    ),
    "drop_rows": (
        "The file has another number of rows than the manifest says; it may be cut off. Export it again.",
        "文件行数与清单不符，可能被截断，请重新导出。",
    ),
    "drop_hash": (
        "The file is not the one that the manifest was written for: its SHA-256 differs. Export both again.",
        "文件与清单不对应：SHA-256 不一致，请重新导出文件与清单。",
    ),
    "drop_encoding": (
        "The file is not in the encoding that the manifest says (utf-8 or gb18030). Correct the manifest, or export it again.",
        "文件编码与清单所述不符（utf-8 或 gb18030），请更正清单或重新导出。",
    ),
    "drop_quotes": (
        "A quoted value is never closed, or goes on after its closing quote. Export with the quoting of RFC 4180.",
        "引号未闭合或闭合后仍有内容，请按 RFC 4180 的引号规则导出。",
    ),
    "unknown_zone": (
        "The time zone is no name of the IANA database, such as Asia/Shanghai. An offset is not enough: it knows no summer time.",
        "时区不是 IANA 名称（例如 Asia/Shanghai）；仅有偏移不够，因为无法表示夏令时。",
    ),
    "bad_conversion": (
        "A conversion of units is not written as unit=factor with a number above zero, such as kg=1000 or half=1/2.",
        "单位换算须写成“单位=系数”，系数大于零，例如 kg=1000 或 half=1/2。",
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
