CREATE TABLE IF NOT EXISTS public.routing_change (
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    sort text NOT NULL,
    id text,
    logged_at timestamptz NOT NULL DEFAULT statement_timestamp());
CREATE INDEX IF NOT EXISTS ix_routing_change_xid ON public.routing_change (xid);
CREATE INDEX IF NOT EXISTS ix_routing_change_everything ON public.routing_change (xid) WHERE sort = 'everything';
CREATE INDEX IF NOT EXISTS ix_routing_change_logged_at ON public.routing_change (logged_at);
CREATE TABLE IF NOT EXISTS public.routing_change_pruned (xid xid8 NOT NULL);
INSERT INTO public.routing_change_pruned SELECT '0' WHERE NOT EXISTS (SELECT FROM public.routing_change_pruned);
CREATE OR REPLACE FUNCTION public.routing_note_pruned() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $routing$
BEGIN
    UPDATE public.routing_change_pruned AS pruned SET xid = highest
    FROM (
        SELECT xid AS highest FROM removed
        WHERE xid < pg_snapshot_xmax(pg_current_snapshot()) OR xid = pg_current_xact_id()
        ORDER BY xid DESC LIMIT 1) AS found
    WHERE pruned.xid < highest OR pruned.xid > pg_current_xact_id();
    RETURN NULL;
END
$routing$;
DROP TRIGGER IF EXISTS routing_note_pruned ON public.routing_change;
CREATE TRIGGER routing_note_pruned AFTER DELETE ON public.routing_change REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION public.routing_note_pruned();
ALTER TABLE public.routing_change ENABLE ALWAYS TRIGGER routing_note_pruned;
CREATE OR REPLACE FUNCTION public.routing_prune_changes() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $routing$
    WITH removed AS (
        DELETE FROM public.routing_change
        WHERE logged_at < statement_timestamp() - interval '1 hour'
            AND (xid < pg_snapshot_xmin(pg_current_snapshot()) OR xid >= pg_snapshot_xmax(pg_current_snapshot()))
            AND pg_try_advisory_xact_lock(tableoid::bigint)
        RETURNING xid)
    SELECT count(*) FROM removed
$routing$;
CREATE TABLE IF NOT EXISTS public.routing_change_version (version_num varchar(32) PRIMARY KEY);
INSERT INTO public.routing_change_version VALUES ('0001') ON CONFLICT DO NOTHING;
CREATE OR REPLACE FUNCTION public.logged() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $routing$
DECLARE
    logged bigint := 0;
    by_row bigint := 0;
BEGIN
    IF TG_LEVEL = 'ROW' THEN
        by_row := 1 + COALESCE(NULLIF(current_setting('neo_routing.logged_by_row', true), '')::bigint, 0);
        PERFORM set_config('neo_routing.logged_by_row', by_row::text, true);
    END IF;
    IF TG_OP = 'TRUNCATE' OR by_row > 10000 THEN
        logged := 10000 + 1;
    ELSIF TG_LEVEL = 'ROW' THEN
        INSERT INTO public.routing_change (sort, id)
        WITH changed AS (SELECT OLD.* WHERE TG_OP <> 'INSERT' UNION ALL SELECT NEW.* WHERE TG_OP <> 'DELETE'), keys (sort, id) AS (SELECT sort, id FROM changed)
        SELECT DISTINCT sort::text, id::text FROM keys WHERE id IS NOT NULL OR sort = 'everything' LIMIT 10000 + 1;
        GET DIAGNOSTICS logged = ROW_COUNT;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO public.routing_change (sort, id)
        WITH changed AS (SELECT * FROM after), keys (sort, id) AS (SELECT sort, id FROM changed)
        SELECT DISTINCT sort::text, id::text FROM keys WHERE id IS NOT NULL OR sort = 'everything' LIMIT 10000 + 1;
        GET DIAGNOSTICS logged = ROW_COUNT;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO public.routing_change (sort, id)
        WITH changed AS (SELECT * FROM before UNION ALL SELECT * FROM after), keys (sort, id) AS (SELECT sort, id FROM changed)
        SELECT DISTINCT sort::text, id::text FROM keys WHERE id IS NOT NULL OR sort = 'everything' LIMIT 10000 + 1;
        GET DIAGNOSTICS logged = ROW_COUNT;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO public.routing_change (sort, id)
        WITH changed AS (SELECT * FROM before), keys (sort, id) AS (SELECT sort, id FROM changed)
        SELECT DISTINCT sort::text, id::text FROM keys WHERE id IS NOT NULL OR sort = 'everything' LIMIT 10000 + 1;
        GET DIAGNOSTICS logged = ROW_COUNT;
    END IF;
    -- Anybody may set what counts the rows of a transaction: that this is in the log is seen to there.
    IF logged > 10000 AND NOT (by_row > 10000 AND EXISTS (
        SELECT FROM public.routing_change WHERE xid = pg_current_xact_id() AND sort = 'everything')) THEN
        INSERT INTO public.routing_change (sort) VALUES ('everything');
    END IF;
    PERFORM pg_notify('routing_change', '');
    RETURN NULL;
END
$routing$;
REVOKE ALL ON FUNCTION public.logged() FROM PUBLIC;
DROP TRIGGER IF EXISTS routing_log_row ON plain;
DROP TRIGGER IF EXISTS routing_log_truncate ON plain;
CREATE TRIGGER routing_log_truncate AFTER TRUNCATE ON plain FOR EACH STATEMENT EXECUTE FUNCTION public.logged();
ALTER TABLE plain ENABLE ALWAYS TRIGGER routing_log_truncate;
DROP TRIGGER IF EXISTS routing_log_insert ON plain;
CREATE TRIGGER routing_log_insert AFTER INSERT ON plain REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION public.logged();
ALTER TABLE plain ENABLE ALWAYS TRIGGER routing_log_insert;
DROP TRIGGER IF EXISTS routing_log_update ON plain;
CREATE TRIGGER routing_log_update AFTER UPDATE ON plain REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION public.logged();
ALTER TABLE plain ENABLE ALWAYS TRIGGER routing_log_update;
DROP TRIGGER IF EXISTS routing_log_delete ON plain;
CREATE TRIGGER routing_log_delete AFTER DELETE ON plain REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION public.logged();
ALTER TABLE plain ENABLE ALWAYS TRIGGER routing_log_delete;
DROP TRIGGER IF EXISTS routing_log_insert ON parted;
DROP TRIGGER IF EXISTS routing_log_update ON parted;
DROP TRIGGER IF EXISTS routing_log_delete ON parted;
DROP TRIGGER IF EXISTS routing_log_truncate ON parted;
CREATE TRIGGER routing_log_truncate AFTER TRUNCATE ON parted FOR EACH STATEMENT EXECUTE FUNCTION public.logged();
ALTER TABLE parted ENABLE ALWAYS TRIGGER routing_log_truncate;
DROP TRIGGER IF EXISTS routing_log_row ON parted;
CREATE TRIGGER routing_log_row AFTER INSERT OR UPDATE OR DELETE ON parted FOR EACH ROW EXECUTE FUNCTION public.logged();
ALTER TABLE parted ENABLE ALWAYS TRIGGER routing_log_row;
DROP TRIGGER IF EXISTS routing_log_insert ON part;
DROP TRIGGER IF EXISTS routing_log_update ON part;
DROP TRIGGER IF EXISTS routing_log_delete ON part;
DROP TRIGGER IF EXISTS routing_log_truncate ON part;
CREATE TRIGGER routing_log_truncate AFTER TRUNCATE ON part FOR EACH STATEMENT EXECUTE FUNCTION public.logged();
ALTER TABLE part ENABLE ALWAYS TRIGGER routing_log_truncate;
ALTER TABLE part ENABLE ALWAYS TRIGGER routing_log_row;
-- routing_tenant: SELECT 'tenant', id FROM changed;
-- routing_agent: SELECT 'agent', id FROM changed;
-- routing_channel: SELECT 'channel', id FROM changed;
-- routing_channel_installation: SELECT 'channel', channel_id FROM changed;
-- routing_end_company: SELECT 'end_company', id FROM changed;
-- routing_end_company_link: SELECT 'end_company', end_company_id FROM changed;
