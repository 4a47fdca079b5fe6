-- Locks: books (SHARE ROW EXCLUSIVE) for milliseconds.
-- The feed of changes, and the order by stock. Existing books are entered by npm run db:migrate, in batches, after the
-- migrations; `cluster` is null until that is done.
CREATE TABLE "book_changes" (
	"book_id" uuid NOT NULL,
	"xid" "xid8" NOT NULL,
	"stock" integer,
	"isbn" text,
	"version" bigint,
	"deleted_at" timestamp with time zone,
	CONSTRAINT "book_changes_pkey" PRIMARY KEY("book_id")
);
--> statement-breakpoint
CREATE TABLE "book_feed" (
	"epoch" uuid DEFAULT gen_random_uuid() NOT NULL,
	"removed_to" "xid8" DEFAULT '0' NOT NULL,
	"cluster" bigint
);
--> statement-breakpoint
CREATE INDEX "book_changes_xid_idx" ON "book_changes" USING btree ("xid","book_id");--> statement-breakpoint
CREATE INDEX "book_changes_stock_idx" ON "book_changes" USING btree ("stock","book_id") WHERE "book_changes"."stock" is not null;--> statement-breakpoint
CREATE INDEX "book_changes_deleted_idx" ON "book_changes" USING btree ("deleted_at") WHERE "book_changes"."deleted_at" is not null;--> statement-breakpoint
INSERT INTO "book_feed" DEFAULT VALUES;--> statement-breakpoint

-- The triggers write as their owner, so that the app's role needs no right to change these tables. A book has a row already
-- if it comes back under the id that it had before it was deleted.
CREATE FUNCTION octavo_note_new_books() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO public.book_changes AS change (book_id, xid, stock)
  SELECT id, pg_current_xact_id(), stock FROM added
  ON CONFLICT (book_id) DO UPDATE
  SET xid = excluded.xid, stock = excluded.stock, isbn = NULL, version = NULL, deleted_at = NULL;
  RETURN NULL;
END
$$;--> statement-breakpoint
CREATE TRIGGER books_change_insert AFTER INSERT ON books
REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION octavo_note_new_books();--> statement-breakpoint

-- Tombstones stay for 30 days. Each deletion removes some older ones, so that their number does not grow. Whoever finds
-- another at it leaves it to them. What a running transaction may still be older than stays.
CREATE FUNCTION octavo_remove_tombstones(most bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  expiry CONSTANT timestamptz := now() - interval '30 days';
  newest xid8;
BEGIN
  IF NOT EXISTS (SELECT FROM public.book_changes WHERE deleted_at < expiry) THEN RETURN; END IF;
  PERFORM FROM public.book_feed FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN RETURN; END IF;
  WITH expired AS MATERIALIZED (
    SELECT book_id FROM public.book_changes
    WHERE deleted_at < expiry AND xid < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY deleted_at LIMIT most FOR UPDATE SKIP LOCKED
  ), removed AS (
    DELETE FROM public.book_changes AS tombstone USING expired WHERE tombstone.book_id = expired.book_id RETURNING xid
  )
  SELECT max(xid) INTO newest FROM removed;
  UPDATE public.book_feed SET removed_to = newest WHERE newest > removed_to;
END
$$;--> statement-breakpoint

CREATE FUNCTION octavo_bury_books() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  buried bigint;
BEGIN
  INSERT INTO public.book_changes AS change (book_id, xid, isbn, version, deleted_at)
  SELECT id, pg_current_xact_id(), isbn, version + 1, clock_timestamp() FROM removed
  ON CONFLICT (book_id) DO UPDATE
  SET xid = excluded.xid, stock = NULL, isbn = excluded.isbn, version = excluded.version, deleted_at = excluded.deleted_at;
  GET DIAGNOSTICS buried = ROW_COUNT;
  IF buried > 0 THEN PERFORM public.octavo_remove_tombstones(2 * buried + 8); END IF;
  RETURN NULL;
END
$$;--> statement-breakpoint
CREATE TRIGGER books_change_delete AFTER DELETE ON books
REFERENCING OLD TABLE AS removed
FOR EACH STATEMENT EXECUTE FUNCTION octavo_bury_books();--> statement-breakpoint

CREATE FUNCTION octavo_bury_all_books() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO public.book_changes AS change (book_id, xid, isbn, version, deleted_at)
  SELECT id, pg_current_xact_id(), isbn, version + 1, clock_timestamp() FROM public.books
  ON CONFLICT (book_id) DO UPDATE
  SET xid = excluded.xid, stock = NULL, isbn = excluded.isbn, version = excluded.version, deleted_at = excluded.deleted_at;
  RETURN NULL;
END
$$;--> statement-breakpoint
CREATE TRIGGER books_change_truncate BEFORE TRUNCATE ON books
FOR EACH STATEMENT EXECUTE FUNCTION octavo_bury_all_books();--> statement-breakpoint

-- A sale pays for this, so it does no more than it must.
CREATE FUNCTION octavo_note_changed_book() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NEW.id = OLD.id THEN
    UPDATE public.book_changes SET xid = pg_current_xact_id(), stock = NEW.stock WHERE book_id = NEW.id;
    IF FOUND THEN RETURN NULL; END IF;
  ELSE
    INSERT INTO public.book_changes AS change (book_id, xid, isbn, version, deleted_at)
    VALUES (OLD.id, pg_current_xact_id(), OLD.isbn, OLD.version + 1, clock_timestamp())
    ON CONFLICT (book_id) DO UPDATE
    SET xid = excluded.xid, stock = NULL, isbn = excluded.isbn, version = excluded.version, deleted_at = excluded.deleted_at;
  END IF;
  -- The book has another id, or the migration has not come to it.
  INSERT INTO public.book_changes AS change (book_id, xid, stock) VALUES (NEW.id, pg_current_xact_id(), NEW.stock)
  ON CONFLICT (book_id) DO UPDATE
  SET xid = excluded.xid, stock = excluded.stock, isbn = NULL, version = NULL, deleted_at = NULL;
  RETURN NULL;
END
$$;--> statement-breakpoint
CREATE TRIGGER books_change_update AFTER UPDATE ON books
FOR EACH ROW WHEN (OLD.version <> NEW.version) EXECUTE FUNCTION octavo_note_changed_book();--> statement-breakpoint

-- Enters the next books that have no row: those from before the triggers. Gives the last id, or null at the end.
-- The lock keeps a book from being deleted between being read and being entered.
CREATE FUNCTION octavo_note_missing_books(after uuid, size integer) RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  last uuid;
BEGIN
  WITH missing AS MATERIALIZED (
    SELECT id, stock FROM public.books
    WHERE id > after AND NOT EXISTS (SELECT FROM public.book_changes WHERE book_id = id)
    ORDER BY id LIMIT size FOR SHARE OF books
  ), noted AS (
    INSERT INTO public.book_changes (book_id, xid, stock)
    SELECT id, pg_current_xact_id(), stock FROM missing ON CONFLICT (book_id) DO NOTHING
  )
  SELECT id INTO last FROM missing ORDER BY id DESC LIMIT 1;
  RETURN last;
END
$$;--> statement-breakpoint

-- A restore of data alone loads these tables, too. The ids of transactions in a dump may be of another cluster: what was
-- loaded has changed now. The feed begins a new epoch. Of a book that is there already, the row is there, too.
CREATE FUNCTION octavo_restore_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM public.book_changes WHERE book_id = NEW.book_id) THEN RETURN NULL; END IF;
  NEW.xid := pg_current_xact_id();
  RETURN NEW;
END
$$;--> statement-breakpoint
CREATE TRIGGER book_changes_restore BEFORE INSERT ON book_changes
FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION octavo_restore_change();--> statement-breakpoint
CREATE FUNCTION octavo_restore_feed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE public.book_feed SET epoch = gen_random_uuid();
  RETURN NULL;
END
$$;--> statement-breakpoint
CREATE TRIGGER book_feed_restore BEFORE INSERT ON book_feed
FOR EACH ROW EXECUTE FUNCTION octavo_restore_feed();
