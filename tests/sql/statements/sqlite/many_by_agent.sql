SELECT 0 AS sort, CAST(NULL AS TEXT) AS tenant_id, ? AS id, CAST(NULL AS BIGINT) AS agent_id, '@' AS name, CAST(NULL AS TEXT) AS state, CAST(NULL AS TEXT) AS "key", CAST(NULL AS TEXT) AS m365, (SELECT NOT read_uncommitted
    FROM pragma_read_uncommitted) AS white_label, CAST(NULL AS BOOLEAN) AS shown
UNION ALL
SELECT 1 AS sort, CAST(t.id AS TEXT) AS tenant_id, json_extract(anon_1.value, '$[0]') AS id, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM json_each(?) AS anon_1
CROSS JOIN routing_tenant AS t ON 1 = 1
WHERE t.id = json_extract(anon_1.value, '$[0]')
UNION ALL
SELECT 2 AS sort, a.tenant_id, NULL, a.id AS agent_id, a.name, a.kind AS state, a.managed_key AS "key", NULL, NULL, NULL
FROM json_each(?) AS anon_2
CROSS JOIN routing_agent AS a ON 1 = 1
WHERE a.id = json_extract(anon_2.value, '$[0]')
UNION ALL
SELECT 0 AS sort, NULL, ? AS id, NULL, NULL, NULL, NULL, NULL, NULL, NULL
