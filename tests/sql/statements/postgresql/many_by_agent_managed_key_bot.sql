WITH channel AS (SELECT anon_7.tenant_id AS tenant_id, anon_7.id AS id, anon_7.agent_id AS agent_id, anon_7.state AS state, anon_7.key AS key, anon_7.white_label AS white_label, anon_7.shown AS shown, anon_7.name AS name
    FROM unnest(%(tenant_id_and_bot_id_of_tenant_id)s::TEXT[], %(tenant_id_and_bot_id_of_bot_id)s::TEXT[]) AS anon_8(tenant_id, bot_id)
    JOIN LATERAL (SELECT c.tenant_id AS tenant_id, c.id AS id, c.agent_id AS agent_id, c.status AS state, c.bot_id AS key, c.white_label AS white_label, c.show_agent_progress_steps AS shown, anon_8.tenant_id AS name
        FROM routing_channel AS c
        WHERE c.tenant_id = anon_8.tenant_id AND c.tenant_id BETWEEN anon_8.tenant_id AND anon_8.tenant_id AND c.bot_id = anon_8.bot_id
        LIMIT ALL OFFSET 0) AS anon_7 ON true)
SELECT 0 AS sort, CAST(NULL AS TEXT) AS tenant_id, %(token)s::TEXT AS id, CAST(NULL AS BIGINT) AS agent_id, '@' AS name, concat_ws(' ', pg_current_snapshot(), now(), pg_backend_pid(), current_setting('transaction_isolation')) AS state, CAST(NULL AS TEXT) AS key, CAST(NULL AS TEXT) AS m365, pg_backend_pid() > 0 AND current_setting('row_security') = 'off' AS white_label, CAST(NULL AS BOOLEAN) AS shown
UNION ALL
SELECT 1 AS sort, anon_1.tenant_id, anon_1.id, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM unnest(%(tenant_id_of_tenant_id)s::TEXT[]) AS anon_2(tenant_id)
JOIN LATERAL (SELECT CAST(t.id AS TEXT) AS tenant_id, anon_2.tenant_id AS id
    FROM routing_tenant AS t
    WHERE t.id = anon_2.tenant_id
    LIMIT ALL OFFSET 0) AS anon_1 ON true
UNION ALL
SELECT 2 AS sort, anon_3.tenant_id, NULL, anon_3.agent_id, anon_3.name, anon_3.state, anon_3.key, NULL, NULL, NULL
FROM unnest(%(agent_id_of_agent_id)s::BIGINT[]) AS anon_4(agent_id)
JOIN LATERAL (SELECT a.tenant_id AS tenant_id, a.id AS agent_id, a.name AS name, a.kind AS state, a.managed_key AS key
    FROM routing_agent AS a
    WHERE a.id = anon_4.agent_id
    LIMIT ALL OFFSET 0) AS anon_3 ON true
UNION ALL
SELECT 2 AS sort, anon_5.tenant_id, anon_5.id, anon_5.agent_id, anon_5.name, anon_5.state, anon_5.key, NULL, NULL, NULL
FROM unnest(%(tenant_id_and_managed_key_of_tenant_id)s::TEXT[], %(tenant_id_and_managed_key_of_managed_key)s::TEXT[]) AS anon_6(tenant_id, managed_key)
JOIN LATERAL (SELECT a.tenant_id AS tenant_id, a.id AS agent_id, a.name AS name, a.kind AS state, a.managed_key AS key, anon_6.tenant_id AS id
    FROM routing_agent AS a
    WHERE a.tenant_id = anon_6.tenant_id AND a.tenant_id BETWEEN anon_6.tenant_id AND anon_6.tenant_id AND a.managed_key = anon_6.managed_key
    LIMIT ALL OFFSET 0) AS anon_5 ON true
UNION ALL
SELECT 3 AS sort, channel.tenant_id, channel.id, channel.agent_id, channel.name, channel.state, channel.key, CAST(NULL AS TEXT) AS m365, channel.white_label, channel.shown
FROM channel
UNION ALL
SELECT 2 AS sort, anon_9.tenant_id, NULL, anon_9.agent_id, anon_9.name, anon_9.state, anon_9.key, NULL, NULL, NULL
FROM (SELECT DISTINCT channel.agent_id AS agent_id
    FROM channel) AS anon_10
JOIN LATERAL (SELECT a.tenant_id AS tenant_id, a.id AS agent_id, a.name AS name, a.kind AS state, a.managed_key AS key
    FROM routing_agent AS a
    WHERE a.id = anon_10.agent_id
    LIMIT ALL OFFSET 0) AS anon_9 ON true
UNION ALL
SELECT 5 AS sort, NULL, NULL, NULL, NULL, NULL, anon_11.key, NULL, anon_11.white_label, NULL
FROM (SELECT anon_12.key AS key, anon_12.white_label AS white_label, anon_12.asked_for AS asked_for
    FROM unnest(%(bot_id_of_bot_id)s::TEXT[]) AS anon_13(bot_id)
    JOIN LATERAL (SELECT c.bot_id AS key, c.white_label AS white_label, anon_13.bot_id AS asked_for
        FROM routing_channel AS c
        WHERE c.bot_id <= anon_13.bot_id
        ORDER BY c.bot_id DESC, c.white_label DESC
        LIMIT 1 OFFSET 0) AS anon_12 ON true) AS anon_11
WHERE anon_11.key = anon_11.asked_for
UNION ALL
SELECT 0 AS sort, NULL, %(token)s::TEXT AS id, NULL, NULL, NULL, NULL, NULL, NULL, NULL
