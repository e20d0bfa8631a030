SELECT 0 AS sort, CAST(NULL AS TEXT) AS tenant_id, %(token)s::TEXT AS id, CAST(NULL AS BIGINT) AS agent_id, '@' AS name, concat_ws(' ', pg_current_snapshot(), now(), pg_backend_pid(), current_setting('transaction_isolation')) AS state, CAST(NULL AS TEXT) AS key, CAST(NULL AS TEXT) AS m365, pg_backend_pid() > 0 AND current_setting('row_security') = 'off' AS white_label, CAST(NULL AS BOOLEAN) AS shown
UNION ALL
SELECT 1 AS sort, anon_1.tenant_id, anon_1.id, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM unnest(%(tenant_id_of_tenant_id)s::TEXT[]) AS anon_2(tenant_id)
JOIN LATERAL (SELECT CAST(t.id AS TEXT) AS tenant_id, anon_2.tenant_id AS id
    FROM routing_tenant AS t
    WHERE t.id = anon_2.tenant_id
    LIMIT ALL OFFSET 0) AS anon_1 ON true
UNION ALL
SELECT 2 AS sort, anon_3.tenant_id, anon_3.id, anon_3.agent_id, anon_3.name, anon_3.state, anon_3.key, NULL, NULL, NULL
FROM unnest(%(tenant_id_and_managed_key_of_tenant_id)s::TEXT[], %(tenant_id_and_managed_key_of_managed_key)s::TEXT[]) AS anon_4(tenant_id, managed_key)
JOIN LATERAL (SELECT a.tenant_id AS tenant_id, a.id AS agent_id, a.name AS name, a.kind AS state, a.managed_key AS key, anon_4.tenant_id AS id
    FROM routing_agent AS a
    WHERE a.tenant_id = anon_4.tenant_id AND a.tenant_id BETWEEN anon_4.tenant_id AND anon_4.tenant_id AND a.managed_key = anon_4.managed_key
    LIMIT ALL OFFSET 0) AS anon_3 ON true
UNION ALL
SELECT 0 AS sort, NULL, %(token)s::TEXT AS id, NULL, NULL, NULL, NULL, NULL, NULL, NULL
