-- A function runs with the search_path of its caller unless it has one of its own: a temporary table called
-- stock_movements took the movements of whoever made it.
ALTER FUNCTION octavo_search_text(text) SET search_path = pg_catalog, pg_temp;
--> statement-breakpoint
ALTER FUNCTION octavo_book_json(uuid, text, text, text, numeric, integer, text, timestamptz, timestamptz)
SET search_path = pg_catalog, pg_temp;
--> statement-breakpoint
ALTER FUNCTION octavo_touch() SET search_path = pg_catalog, pg_temp;
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
-- saved. Those take the place of the opening movement: it is the newest, and without it their sum is the stock.
CREATE FUNCTION octavo_replace_opening_movement() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  DELETE FROM public.stock_movements
  WHERE id = (
    SELECT opening.id
    FROM public.books JOIN public.stock_movements AS opening ON opening.book_id = books.id
    WHERE books.id = NEW.book_id AND opening.id <> NEW.id
      AND opening.delta = books.stock AND opening.stock_after = books.stock AND opening.reason IS NULL
      AND 2 * books.stock::bigint = (SELECT sum(delta) FROM public.stock_movements WHERE book_id = books.id)
    ORDER BY opening.created_at DESC
    LIMIT 1
  );
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER stock_movements_replace_opening AFTER INSERT ON stock_movements
FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION octavo_replace_opening_movement();
--> statement-breakpoint

-- NaN is above 0 to Postgres. The constraint holds for new rows at once; the next migration checks those that are there.
ALTER TABLE "books" DROP CONSTRAINT "books_price_range",
  ADD CONSTRAINT "books_price_range" CHECK ("books"."price" >= 0 and "books"."price" <> 'NaN') NOT VALID;
