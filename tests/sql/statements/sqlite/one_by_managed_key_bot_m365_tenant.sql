WITH channel AS (SELECT c.tenant_id AS tenant_id, c.id AS id, c.agent_id AS agent_id, c.status AS state, c.bot_id AS "key", c.white_label AS white_label, c.show_agent_progress_steps AS shown, ? AS name, ? AS asked_for, (SELECT i.m365_tenant_id
        FROM routing_channel_installation AS i
        WHERE c.white_label = 1 AND i.channel_id = c.id AND i.m365_tenant_id = ?
        LIMIT 1 OFFSET 0) AS m365
    FROM routing_channel AS c
    WHERE c.tenant_id = ? AND c.bot_id = ?
    UNION ALL
    SELECT c.tenant_id AS tenant_id, c.id AS id, c.agent_id AS agent_id, c.status AS state, c.bot_id AS "key", c.white_label AS white_label, c.show_agent_progress_steps AS shown, NULL AS name, i.m365_tenant_id AS asked_for, i.m365_tenant_id AS m365
    FROM routing_channel_installation AS i
    JOIN routing_channel AS c ON c.id = i.channel_id AND coalesce(c.bot_id, c.bot_id) = ? AND coalesce(c.white_label, c.white_label) IS NOT 0 AND c.tenant_id IS NOT ?
    WHERE i.m365_tenant_id = ?)
SELECT 1 AS sort, CAST(t.id AS TEXT) AS tenant_id, ? AS id, CAST(NULL AS BIGINT) AS agent_id, '@' AS name, ? AS state, ? AS "key", ? AS m365, (SELECT NOT read_uncommitted
    FROM pragma_read_uncommitted) AS white_label, CAST(NULL AS BOOLEAN) AS shown
FROM (SELECT 1 AS one) AS x
LEFT OUTER JOIN routing_tenant AS t ON t.id = ?
UNION ALL
SELECT 2 AS sort, a.tenant_id, ? AS id, a.id AS agent_id, a.name, a.kind AS state, a.managed_key AS "key", NULL, NULL, NULL
FROM routing_agent AS a
WHERE a.tenant_id = ? AND a.managed_key = ?
UNION ALL
SELECT 3 AS sort, channel.tenant_id, channel.id, channel.agent_id, channel.name, channel.state, channel."key", channel.m365, channel.white_label, channel.shown
FROM channel
UNION ALL
SELECT 2 AS sort, a.tenant_id, NULL, a.id AS agent_id, a.name, a.kind AS state, a.managed_key AS "key", NULL, NULL, NULL
FROM routing_agent AS a, channel
WHERE a.id = channel.agent_id
UNION ALL
SELECT 4 AS sort, e.tenant_id, e.id, NULL, e.name, channel.tenant_id AS state, NULL, l.m365_tenant_id AS m365, NULL, NULL
FROM routing_end_company_link AS l
JOIN routing_end_company AS e ON e.id = l.end_company_id AND coalesce(e.tenant_id, e.tenant_id) = channel.tenant_id, channel
WHERE l.m365_tenant_id = channel.asked_for
UNION ALL
SELECT 5 AS sort, NULL, NULL, NULL, NULL, NULL, anon_1."key", NULL, anon_1.white_label, NULL
FROM (SELECT c.bot_id AS "key", c.white_label AS white_label, ? AS asked_for
    FROM routing_channel AS c
    WHERE c.bot_id <= ?
    ORDER BY c.bot_id DESC, c.white_label DESC
    LIMIT 1 OFFSET 0) AS anon_1
WHERE anon_1."key" = anon_1.asked_for
