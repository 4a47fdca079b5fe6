-- Locks: books (ACCESS EXCLUSIVE), stock_movements (ACCESS EXCLUSIVE) for milliseconds.
-- Books first, as every writer locks them: nobody waits for the other in a circle.
ALTER TABLE "books" ADD COLUMN "next_movement" jsonb;--> statement-breakpoint
ALTER TABLE "books" ADD COLUMN "last_movement" jsonb;--> statement-breakpoint
ALTER TABLE "stock_movements" ADD COLUMN "isbn" text;--> statement-breakpoint
ALTER TABLE "stock_movements" ADD COLUMN "reference" text;--> statement-breakpoint
ALTER TABLE "stock_movements" ADD COLUMN "actor" text;--> statement-breakpoint
ALTER TABLE "stock_movements" ADD CONSTRAINT "stock_movements_reference_length" CHECK (char_length("stock_movements"."reference") <= 100) NOT VALID;--> statement-breakpoint
ALTER TABLE "stock_movements" DROP CONSTRAINT "stock_movements_book_id_books_id_fk";--> statement-breakpoint

-- Requests share statements and transactions, so what a movement says travels in the row of its book. The row is stored
-- with it, because only a trigger after the write knows that there was one: an upsert may insert and then update. A
-- write that says nothing leaves next_movement null, and so cannot pass for the one before it.
CREATE FUNCTION octavo_attribute_movement() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' OR NEW.stock <> OLD.stock THEN
    NEW.last_movement := NEW.next_movement;
  ELSE
    NEW.last_movement := OLD.last_movement;
  END IF;
  NEW.next_movement := NULL;
  RETURN NEW;
END
$$;--> statement-breakpoint
-- Its name comes before books_derive, which makes a new version of whatever differs from the old row.
CREATE TRIGGER books_attribute BEFORE INSERT OR UPDATE ON books
FOR EACH ROW EXECUTE FUNCTION octavo_attribute_movement();--> statement-breakpoint

CREATE OR REPLACE FUNCTION octavo_record_movement() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  -- Servers of version 0.1.0 give the reason in a setting. They still run while this version is rolled out.
  given text := nullif(current_setting('octavo.movement_reason', true), '');
BEGIN
  INSERT INTO public.stock_movements (book_id, isbn, delta, stock_after, reason, reference, actor)
  VALUES (
    NEW.id, NEW.isbn, NEW.stock - CASE WHEN TG_OP = 'UPDATE' THEN OLD.stock ELSE 0 END, NEW.stock,
    coalesce(NEW.last_movement ->> 'reason', given), NEW.last_movement ->> 'reference', NEW.last_movement ->> 'actor'
  );
  IF given IS NOT NULL THEN
    PERFORM set_config('octavo.movement_reason', '', true);
  END IF;
  RETURN NULL;
END
$$;--> statement-breakpoint

-- The closing movement. A deleted row has no new values to carry its actor, so a setting does, which names the book; or all
-- books, where the transaction has only deletions of one actor.
CREATE FUNCTION octavo_close_ledger() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  deletion jsonb := nullif(current_setting('octavo.deletion', true), '');
BEGIN
  IF OLD.stock <> 0 THEN
    INSERT INTO public.stock_movements (book_id, isbn, delta, stock_after, reason, actor)
    VALUES (
      OLD.id, OLD.isbn, -OLD.stock, 0, 'deleted',
      CASE WHEN deletion ->> 'book' IN (OLD.id::text, '*') THEN deletion ->> 'actor' END
    );
  END IF;
  -- Movements of version 0.1.0 take the ISBN while it is known.
  UPDATE public.stock_movements SET isbn = OLD.isbn WHERE book_id = OLD.id AND isbn IS NULL;
  RETURN NULL;
END
$$;--> statement-breakpoint
CREATE TRIGGER books_closing_movement AFTER DELETE ON books
FOR EACH ROW EXECUTE FUNCTION octavo_close_ledger();--> statement-breakpoint

CREATE INDEX CONCURRENTLY "stock_movements_created_at_idx" ON "stock_movements" USING btree (("created_at" at time zone 'UTC'),"id");--> statement-breakpoint
CREATE INDEX CONCURRENTLY "stock_movements_reason_idx" ON "stock_movements" USING btree ("reason","created_at","id") WHERE "stock_movements"."reason" is not null;--> statement-breakpoint
CREATE INDEX CONCURRENTLY "stock_movements_reference_idx" ON "stock_movements" USING btree ("reference","created_at","id") WHERE "stock_movements"."reference" is not null;
