-- Locks: books (SHARE ROW EXCLUSIVE), tasks (SHARE ROW EXCLUSIVE) for milliseconds.
-- An update that changes something counts the version up and stamps the row; one that changes nothing leaves both.
-- clock_timestamp(), as now() of a transaction that waited for the row would lie before the change it waited for.
CREATE FUNCTION octavo_touch() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  NEW.version := OLD.version + 1;
  NEW.updated_at := clock_timestamp();
  RETURN NEW;
END
$$;
--> statement-breakpoint
-- The columns by name: WHEN may not look at a generated one, and `books` has two.
CREATE TRIGGER books_touch BEFORE UPDATE ON books
FOR EACH ROW WHEN (
  (OLD.title, OLD.author, OLD.isbn, OLD.price, OLD.stock, OLD.description)
  IS DISTINCT FROM
  (NEW.title, NEW.author, NEW.isbn, NEW.price, NEW.stock, NEW.description)
) EXECUTE FUNCTION octavo_touch();
--> statement-breakpoint
CREATE TRIGGER tasks_touch BEFORE UPDATE ON tasks
FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION octavo_touch();
--> statement-breakpoint

-- The ledger. A trigger, so that no request, import or hand at psql can change stock without leaving its movement.
CREATE FUNCTION octavo_record_movement() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO stock_movements (book_id, delta, stock_after)
  VALUES (NEW.id, NEW.stock - CASE WHEN TG_OP = 'UPDATE' THEN OLD.stock ELSE 0 END, NEW.stock);
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER books_first_movement AFTER INSERT ON books
FOR EACH ROW WHEN (NEW.stock <> 0) EXECUTE FUNCTION octavo_record_movement();
--> statement-breakpoint
CREATE TRIGGER books_movement AFTER UPDATE OF stock ON books
FOR EACH ROW WHEN (OLD.stock <> NEW.stock) EXECUTE FUNCTION octavo_record_movement();
