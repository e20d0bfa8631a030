SELECT 1 AS sort, CAST(t.id AS TEXT) AS tenant_id, %(t)s::TEXT AS id, CAST(NULL AS BIGINT) AS agent_id, '@' AS name, %(k)s::TEXT AS state, CAST(NULL AS TEXT) AS key, CAST(NULL AS TEXT) AS m365, pg_backend_pid() > 0 AND current_setting('row_security') = 'off' AS white_label, CAST(NULL AS BOOLEAN) AS shown
FROM (SELECT 1 AS one) AS x
LEFT OUTER JOIN routing_tenant AS t ON t.id = %(t)s::TEXT
UNION ALL
SELECT 2 AS sort, a.tenant_id, %(t)s::TEXT AS id, a.id AS agent_id, a.name, a.kind AS state, a.managed_key AS key, NULL, NULL, NULL
FROM routing_agent AS a
WHERE a.tenant_id = %(t)s::TEXT AND a.managed_key = %(k)s::TEXT
