-- One row per reason for which a record can be refused, in words.
SELECT code, reason_en, reason_zh
FROM ref_refusal_reason
