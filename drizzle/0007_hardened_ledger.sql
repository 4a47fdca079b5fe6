-- Locks: books (ACCESS EXCLUSIVE), stock_movements (SHARE ROW EXCLUSIVE) for milliseconds.
-- A function runs with the search_path of its caller unless it has one of its own: a temporary table called
-- stock_movements took the movements of whoever made it.
ALTER FUNCTION octavo_search_text(text) SET search_path = pg_catalog, pg_temp;
--> statement-breakpoint
ALTER FUNCTION octavo_book_json(uuid, text, text, text, numeric, integer, text, timestamptz, timestamptz)
SET search_path = pg_catalog, pg_temp;
--> statement-breakpoint
ALTER FUNCTION octavo_touch() SET search_path = pg_catalog, pg_temp;
--> statement-breakpoint

-- created_at was left out: it is in the JSON, and a change of it by hand left the ETag as it was.
CREATE OR REPLACE TRIGGER books_touch BEFORE UPDATE ON books
FOR EACH ROW WHEN (
  (OLD.title, OLD.author, OLD.isbn, OLD.price, OLD.stock, OLD.description, OLD.created_at)
  IS DISTINCT FROM
  (NEW.title, NEW.author, NEW.isbn, NEW.price, NEW.stock, NEW.description, NEW.created_at)
) EXECUTE FUNCTION octavo_touch();
--> statement-breakpoint

-- SECURITY DEFINER: the trigger writes the ledger as its owner, so that the app's role needs no right to change it.
CREATE OR REPLACE FUNCTION octavo_record_movement() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  given text := nullif(current_setting('octavo.movement_reason', true), '');
BEGIN
  INSERT INTO public.stock_movements (book_id, delta, stock_after, reason)
  VALUES (NEW.id, NEW.stock - CASE WHEN TG_OP = 'UPDATE' THEN OLD.stock ELSE 0 END, NEW.stock, given);
  IF given IS NOT NULL THEN
    PERFORM set_config('octavo.movement_reason', '', true);
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint

-- A restore of data alone loads books, for which the trigger above opens a ledger, and then the movements that were
-- saved. Those take the place of the opening movement: it is the newest of its book, and without it their sum is the stock.
CREATE FUNCTION octavo_replace_opening_movements() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  DELETE FROM public.stock_movements
  USING (SELECT DISTINCT book_id FROM loaded) AS given
  JOIN public.books ON books.id = given.book_id
  CROSS JOIN LATERAL (
    SELECT * FROM public.stock_movements WHERE book_id = books.id ORDER BY created_at DESC, id DESC LIMIT 1
  ) AS newest
  WHERE stock_movements.id = newest.id
    AND newest.delta = books.stock AND newest.stock_after = books.stock AND newest.reason IS NULL
    AND newest.id NOT IN (SELECT id FROM loaded)
    AND 2 * books.stock::bigint = (SELECT sum(delta) FROM public.stock_movements WHERE book_id = books.id);
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER stock_movements_replace_opening AFTER INSERT ON stock_movements
REFERENCING NEW TABLE AS loaded
FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION octavo_replace_opening_movements();
--> statement-breakpoint

-- NaN is above 0 to Postgres. The constraint holds for new rows at once; the next migration checks those that are there.
ALTER TABLE "books" DROP CONSTRAINT "books_price_range",
  ADD CONSTRAINT "books_price_range" CHECK ("books"."price" >= 0 and "books"."price" <> 'NaN') NOT VALID;
