-- One row per shop or warehouse that the ERP ever told of, as it told last, with the legal entity that it belongs to.
WITH RECURSIVE store AS (
    SELECT *
    FROM ods_event_store
    QUALIFY row_number() OVER (PARTITION BY tenant, store ORDER BY kafka_offset DESC) = 1
),
organisation AS (
    SELECT tenant, organisation, parent, "name", kind
    FROM ods_event_organisation
    QUALIFY row_number() OVER (PARTITION BY tenant, organisation ORDER BY kafka_offset DESC) = 1
),
-- From each organisation upwards, to the first legal entity. A source may lead in a circle, so the steps are counted.
above AS (
    SELECT tenant, organisation AS below, organisation, parent, "name", kind, 0 AS steps
    FROM organisation
    UNION ALL
    SELECT o.tenant, a.below, o.organisation, o.parent, o."name", o.kind, a.steps + 1 AS steps
    FROM above AS a
    INNER JOIN organisation AS o ON a.tenant = o.tenant AND a.parent = o.organisation
    WHERE a.kind <> 'legal_entity' AND a.steps < 20
)
SELECT
    s.tenant,
    s.store,
    s."name" AS store_name,
    s.kind,
    s.change = 'upsert' AS stands,
    s.organisation,
    o."name" AS organisation_name,
    a.organisation AS legal_entity,
    a."name" AS legal_entity_name,
    s."zone",
    s.day_cut_hour,
    s.currency,
    s.gln,
    CAST(nullif(s.opened_on, '') AS DATE) AS opened_on,
    CAST(nullif(s.closed_on, '') AS DATE) AS closed_on,
    s."at" AS changed_at
FROM store AS s
LEFT JOIN organisation AS o ON s.tenant = o.tenant AND s.organisation = o.organisation
LEFT JOIN above AS a ON s.tenant = a.tenant AND s.organisation = a.below AND a.kind = 'legal_entity'
