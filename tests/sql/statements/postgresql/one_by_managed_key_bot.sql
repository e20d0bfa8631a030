SELECT 1 AS sort, CAST(t.id AS TEXT) AS tenant_id, %(t)s::TEXT AS id, CAST(NULL AS BIGINT) AS agent_id, '@' AS name, %(k)s::TEXT AS state, %(b)s::TEXT AS key, CAST(NULL AS TEXT) AS m365, pg_backend_pid() > 0 AND current_setting('row_security') = 'off' AS white_label, CAST(NULL AS BOOLEAN) AS shown
FROM (SELECT 1 AS one) AS x
LEFT OUTER JOIN routing_tenant AS t ON t.id = %(t)s::TEXT
UNION ALL
SELECT 2 AS sort, a.tenant_id, %(t)s::TEXT AS id, a.id AS agent_id, a.name, a.kind AS state, a.managed_key AS key, NULL, NULL, NULL
FROM routing_agent AS a
WHERE a.tenant_id = %(t)s::TEXT AND a.managed_key = %(k)s::TEXT
UNION ALL
SELECT anon_1.sort, anon_1.tenant_id, anon_1.id, anon_1.agent_id, anon_1.name, anon_1.state, anon_1.key, anon_1.m365, anon_1.white_label, anon_1.shown
FROM (SELECT c.tenant_id AS tenant_id, c.id AS id, c.agent_id AS agent_id, c.status AS state, c.bot_id AS key, c.white_label AS white_label, c.show_agent_progress_steps AS shown, %(t)s::TEXT AS name
    FROM routing_channel AS c
    WHERE c.tenant_id = %(t)s::TEXT AND c.bot_id = %(b)s::TEXT) AS channel
JOIN LATERAL (SELECT 3 AS sort, channel.tenant_id AS tenant_id, channel.id AS id, channel.agent_id AS agent_id, channel.name AS name, channel.state AS state, channel.key AS key, CAST(NULL AS TEXT) AS m365, channel.white_label AS white_label, channel.shown AS shown
    UNION ALL
    SELECT 2 AS sort, a.tenant_id AS tenant_id, NULL, a.id AS agent_id, a.name AS name, a.kind AS state, a.managed_key AS key, NULL, NULL, NULL
    FROM routing_agent AS a
    WHERE a.id = channel.agent_id
    LIMIT ALL OFFSET 0) AS anon_1 ON true
UNION ALL
SELECT 5 AS sort, NULL, NULL, NULL, NULL, NULL, anon_2.key, NULL, anon_2.white_label, NULL
FROM (SELECT c.bot_id AS key, c.white_label AS white_label, %(b)s::TEXT AS asked_for
    FROM routing_channel AS c
    WHERE c.bot_id <= %(b)s::TEXT
    ORDER BY c.bot_id DESC, c.white_label DESC
    LIMIT 1 OFFSET 0) AS anon_2
WHERE anon_2.key = anon_2.asked_for
