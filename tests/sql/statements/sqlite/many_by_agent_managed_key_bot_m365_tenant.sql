WITH channel AS (SELECT c.tenant_id AS tenant_id, c.id AS id, c.agent_id AS agent_id, c.status AS state, c.bot_id AS "key", c.white_label AS white_label, c.show_agent_progress_steps AS shown, json_extract(anon_4.value, '$[0]') AS name, NULL AS asked_for, NULL AS m365
    FROM json_each(?) AS anon_4
    CROSS JOIN routing_channel AS c ON 1 = 1
    WHERE c.tenant_id = json_extract(anon_4.value, '$[0]') AND c.tenant_id BETWEEN json_extract(anon_4.value, '$[0]') AND json_extract(anon_4.value, '$[0]') AND c.bot_id = json_extract(anon_4.value, '$[1]')
    UNION ALL
    SELECT c.tenant_id AS tenant_id, c.id AS id, c.agent_id AS agent_id, c.status AS state, c.bot_id AS "key", c.white_label AS white_label, c.show_agent_progress_steps AS shown, NULL AS name, i.m365_tenant_id AS asked_for, i.m365_tenant_id AS m365
    FROM json_each(?) AS anon_5
    CROSS JOIN routing_channel_installation AS i
    CROSS JOIN routing_channel AS c ON c.id = i.channel_id AND coalesce(c.bot_id, c.bot_id) = json_extract(anon_5.value, '$[0]') AND coalesce(c.white_label, c.white_label) IS NOT 0
    WHERE i.m365_tenant_id = json_extract(anon_5.value, '$[1]') AND i.m365_tenant_id BETWEEN json_extract(anon_5.value, '$[1]') AND json_extract(anon_5.value, '$[1]'))
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
SELECT 2 AS sort, a.tenant_id, json_extract(anon_3.value, '$[0]') AS id, a.id AS agent_id, a.name, a.kind AS state, a.managed_key AS "key", NULL, NULL, NULL
FROM json_each(?) AS anon_3
CROSS JOIN routing_agent AS a ON 1 = 1
WHERE a.tenant_id = json_extract(anon_3.value, '$[0]') AND a.tenant_id BETWEEN json_extract(anon_3.value, '$[0]') AND json_extract(anon_3.value, '$[0]') AND a.managed_key = json_extract(anon_3.value, '$[1]')
UNION ALL
SELECT 3 AS sort, channel.tenant_id, channel.id, channel.agent_id, channel.name, channel.state, channel."key", channel.m365, channel.white_label, channel.shown
FROM channel
UNION ALL
SELECT 2 AS sort, a.tenant_id, NULL, a.id AS agent_id, a.name, a.kind AS state, a.managed_key AS "key", NULL, NULL, NULL
FROM channel
CROSS JOIN routing_agent AS a ON 1 = 1
WHERE a.id = channel.agent_id
UNION ALL
SELECT 4 AS sort, e.tenant_id, e.id, NULL, e.name, channel.tenant_id AS state, NULL, l.m365_tenant_id AS m365, NULL, NULL
FROM channel
CROSS JOIN routing_end_company_link AS l
CROSS JOIN routing_end_company AS e ON e.id = l.end_company_id AND coalesce(e.tenant_id, e.tenant_id) = channel.tenant_id
WHERE l.m365_tenant_id = channel.asked_for AND l.m365_tenant_id BETWEEN channel.asked_for AND channel.asked_for
UNION ALL
SELECT 4 AS sort, e.tenant_id, e.id, NULL, e.name, json_extract(anon_6.value, '$[0]') AS state, NULL, l.m365_tenant_id AS m365, NULL, NULL
FROM json_each(?) AS anon_6
CROSS JOIN routing_end_company_link AS l
CROSS JOIN routing_end_company AS e ON e.id = l.end_company_id AND coalesce(e.tenant_id, e.tenant_id) = json_extract(anon_6.value, '$[0]')
WHERE l.m365_tenant_id = json_extract(anon_6.value, '$[1]') AND l.m365_tenant_id BETWEEN json_extract(anon_6.value, '$[1]') AND json_extract(anon_6.value, '$[1]')
UNION ALL
SELECT 5 AS sort, NULL, NULL, NULL, NULL, NULL, anon_7."key", NULL, anon_7.white_label, NULL
FROM (SELECT (SELECT c.bot_id AS "key"
        FROM routing_channel AS c
        WHERE c.bot_id <= json_extract(anon_8.value, '$[0]')
        ORDER BY c.bot_id DESC, c.white_label DESC
        LIMIT 1 OFFSET 0) AS "key", (SELECT c.white_label
        FROM routing_channel AS c
        WHERE c.bot_id <= json_extract(anon_8.value, '$[0]')
        ORDER BY c.bot_id DESC, c.white_label DESC
        LIMIT 1 OFFSET 0) AS white_label, json_extract(anon_8.value, '$[0]') AS asked_for
    FROM json_each(?) AS anon_8) AS anon_7
WHERE anon_7."key" = anon_7.asked_for
UNION ALL
SELECT 0 AS sort, NULL, ? AS id, NULL, NULL, NULL, NULL, NULL, NULL, NULL
