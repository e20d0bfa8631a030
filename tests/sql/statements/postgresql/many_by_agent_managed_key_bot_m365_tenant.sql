WITH channel AS (SELECT anon_7.tenant_id AS tenant_id, anon_7.id AS id, anon_7.agent_id AS agent_id, anon_7.state AS state, anon_7.key AS key, anon_7.white_label AS white_label, anon_7.shown AS shown, anon_7.name AS name, anon_7.asked_for AS asked_for, anon_7.m365 AS m365
    FROM unnest(%(tenant_id_and_bot_id_of_tenant_id)s::TEXT[], %(tenant_id_and_bot_id_of_bot_id)s::TEXT[]) AS anon_8(tenant_id, bot_id)
    JOIN LATERAL (SELECT c.tenant_id AS tenant_id, c.id AS id, c.agent_id AS agent_id, c.status AS state, c.bot_id AS key, c.white_label AS white_label, c.show_agent_progress_steps AS shown, anon_8.tenant_id AS name, NULL AS asked_for, NULL AS m365
        FROM routing_channel AS c
        WHERE c.tenant_id = anon_8.tenant_id AND c.tenant_id BETWEEN anon_8.tenant_id AND anon_8.tenant_id AND c.bot_id = anon_8.bot_id
        LIMIT ALL OFFSET 0) AS anon_7 ON true
    UNION ALL
    SELECT anon_9.tenant_id AS tenant_id, anon_9.id AS id, anon_9.agent_id AS agent_id, anon_9.state AS state, anon_9.key AS key, anon_9.white_label AS white_label, anon_9.shown AS shown, anon_9.name AS name, anon_9.asked_for AS asked_for, anon_9.m365 AS m365
    FROM unnest(%(bot_id_and_m365_tenant_id_of_bot_id)s::TEXT[], %(bot_id_and_m365_tenant_id_of_m365_tenant_id)s::TEXT[]) AS anon_10(bot_id, m365_tenant_id)
    JOIN LATERAL (SELECT anon_11.tenant_id AS tenant_id, anon_11.id AS id, anon_11.agent_id AS agent_id, anon_11.state AS state, anon_11.key AS key, anon_11.white_label AS white_label, anon_11.shown AS shown, NULL AS name, i.m365_tenant_id AS asked_for, i.m365_tenant_id AS m365
        FROM routing_channel_installation AS i
        JOIN LATERAL (SELECT c.tenant_id AS tenant_id, c.id AS id, c.agent_id AS agent_id, c.status AS state, c.bot_id AS key, c.white_label AS white_label, c.show_agent_progress_steps AS shown
            FROM routing_channel AS c
            WHERE c.id = i.channel_id AND coalesce(c.bot_id, c.bot_id) = anon_10.bot_id AND coalesce(c.white_label, c.white_label) IS DISTINCT FROM false
            LIMIT ALL OFFSET 0) AS anon_11 ON true
        WHERE i.m365_tenant_id = anon_10.m365_tenant_id AND i.m365_tenant_id BETWEEN anon_10.m365_tenant_id AND anon_10.m365_tenant_id
        LIMIT ALL OFFSET 0) AS anon_9 ON true)
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
SELECT 3 AS sort, channel.tenant_id, channel.id, channel.agent_id, channel.name, channel.state, channel.key, channel.m365, channel.white_label, channel.shown
FROM channel
UNION ALL
SELECT 2 AS sort, anon_12.tenant_id, NULL, anon_12.agent_id, anon_12.name, anon_12.state, anon_12.key, NULL, NULL, NULL
FROM (SELECT DISTINCT channel.agent_id AS agent_id
    FROM channel) AS anon_13
JOIN LATERAL (SELECT a.tenant_id AS tenant_id, a.id AS agent_id, a.name AS name, a.kind AS state, a.managed_key AS key
    FROM routing_agent AS a
    WHERE a.id = anon_13.agent_id
    LIMIT ALL OFFSET 0) AS anon_12 ON true
UNION ALL
SELECT 4 AS sort, anon_14.tenant_id, anon_14.id, NULL, anon_14.name, anon_14.state, NULL, anon_14.m365, NULL, NULL
FROM (SELECT DISTINCT channel.tenant_id AS tenant_id, channel.asked_for AS asked_for
    FROM channel) AS anon_15
JOIN LATERAL (SELECT anon_16.tenant_id AS tenant_id, anon_16.id AS id, anon_16.name AS name, anon_15.tenant_id AS state, l.m365_tenant_id AS m365
    FROM routing_end_company_link AS l
    JOIN LATERAL (SELECT e.tenant_id AS tenant_id, e.id AS id, e.name AS name
        FROM routing_end_company AS e
        WHERE e.id = l.end_company_id AND coalesce(e.tenant_id, e.tenant_id) = anon_15.tenant_id
        LIMIT ALL OFFSET 0) AS anon_16 ON true
    WHERE l.m365_tenant_id = anon_15.asked_for AND l.m365_tenant_id BETWEEN anon_15.asked_for AND anon_15.asked_for
    LIMIT ALL OFFSET 0) AS anon_14 ON true
UNION ALL
SELECT 4 AS sort, anon_17.tenant_id, anon_17.id, NULL, anon_17.name, anon_17.state, NULL, anon_17.m365, NULL, NULL
FROM unnest(%(tenant_id_and_m365_tenant_id_of_tenant_id)s::TEXT[], %(tenant_id_and_m365_tenant_id_of_m365_tenant_id)s::TEXT[]) AS anon_18(tenant_id, m365_tenant_id)
JOIN LATERAL (SELECT anon_19.tenant_id AS tenant_id, anon_19.id AS id, anon_19.name AS name, anon_18.tenant_id AS state, l.m365_tenant_id AS m365
    FROM routing_end_company_link AS l
    JOIN LATERAL (SELECT e.tenant_id AS tenant_id, e.id AS id, e.name AS name
        FROM routing_end_company AS e
        WHERE e.id = l.end_company_id AND coalesce(e.tenant_id, e.tenant_id) = anon_18.tenant_id
        LIMIT ALL OFFSET 0) AS anon_19 ON true
    WHERE l.m365_tenant_id = anon_18.m365_tenant_id AND l.m365_tenant_id BETWEEN anon_18.m365_tenant_id AND anon_18.m365_tenant_id
    LIMIT ALL OFFSET 0) AS anon_17 ON true
UNION ALL
SELECT 5 AS sort, NULL, NULL, NULL, NULL, NULL, anon_20.key, NULL, anon_20.white_label, NULL
FROM (SELECT anon_21.key AS key, anon_21.white_label AS white_label, anon_21.asked_for AS asked_for
    FROM unnest(%(bot_id_of_bot_id)s::TEXT[]) AS anon_22(bot_id)
    JOIN LATERAL (SELECT c.bot_id AS key, c.white_label AS white_label, anon_22.bot_id AS asked_for
        FROM routing_channel AS c
        WHERE c.bot_id <= anon_22.bot_id
        ORDER BY c.bot_id DESC, c.white_label DESC
        LIMIT 1 OFFSET 0) AS anon_21 ON true) AS anon_20
WHERE anon_20.key = anon_20.asked_for
UNION ALL
SELECT 0 AS sort, NULL, %(token)s::TEXT AS id, NULL, NULL, NULL, NULL, NULL, NULL, NULL
