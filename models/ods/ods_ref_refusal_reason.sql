-- One row per reason for which a record can be refused, in words.
CREATE TABLE IF NOT EXISTS ods_ref_refusal_reason (
    code VARCHAR NOT NULL,
    reason_en VARCHAR NOT NULL,
    reason_zh VARCHAR NOT NULL
);
