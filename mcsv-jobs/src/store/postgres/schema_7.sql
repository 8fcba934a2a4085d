-- Whether the events of a job are written. If not, it waits for its first start or runs for the first
-- time; what else happens to it writes its beginning, and the rest follows.
ALTER TABLE mcsv_jobs ADD COLUMN is_logged BOOLEAN NOT NULL DEFAULT true;

-- The transaction that the last event of a job counts to. One that took its number early and writes the
-- next event late counts it to this one, so that the events of a job stay in their order. Of what is here
-- already it is the last one that can have written: nobody does while the table is altered.
DO $$ BEGIN
    EXECUTE format('ALTER TABLE mcsv_jobs ADD COLUMN logged_in XID8 NOT NULL DEFAULT %L',
        pg_snapshot_xmax(pg_current_snapshot())::TEXT::BIGINT - 1);
END $$;
ALTER TABLE mcsv_jobs ALTER COLUMN logged_in SET DEFAULT pg_current_xact_id();
