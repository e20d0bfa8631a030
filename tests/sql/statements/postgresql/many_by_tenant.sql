SELECT 0 AS sort, CAST(NULL AS TEXT) AS tenant_id, %(token)s::TEXT AS id, CAST(NULL AS BIGINT) AS agent_id, '@' AS name, concat_ws(' ', pg_current_snapshot(), now(), pg_backend_pid(), current_setting('transaction_isolation')) AS state, CAST(NULL AS TEXT) AS key, CAST(NULL AS TEXT) AS m365, pg_backend_pid() > 0 AND current_setting('row_security') = 'off' AS white_label, CAST(NULL AS BOOLEAN) AS shown
UNION ALL
SELECT 1 AS sort, anon_1.tenant_id, anon_1.id, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM unnest(%(tenant_id_of_tenant_id)s::TEXT[]) AS anon_2(tenant_id)
JOIN LATERAL (SELECT CAST(t.id AS TEXT) AS tenant_id, anon_2.tenant_id AS id
    FROM routing_tenant AS t
    WHERE t.id = anon_2.tenant_id
    LIMIT ALL OFFSET 0) AS anon_1 ON true
UNION ALL
SELECT 0 AS sort, NULL, %(token)s::TEXT AS id, NULL, NULL, NULL, NULL, NULL, NULL, NULL
