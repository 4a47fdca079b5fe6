-- Locks: books (ACCESS EXCLUSIVE) for milliseconds.
-- What a book's row holds beside its members is derived by one trigger. Generated columns were all computed anew with
-- every update, and a trigger that listed the members could forget one. DROP EXPRESSION keeps what is stored, so that this
-- takes some milliseconds, and books are read and written meanwhile.
ALTER TABLE "books" ALTER COLUMN "search_text" DROP EXPRESSION;--> statement-breakpoint
ALTER TABLE "books" ALTER COLUMN "author_search_text" DROP EXPRESSION;--> statement-breakpoint
ALTER TABLE "books" ALTER COLUMN "json" DROP EXPRESSION;--> statement-breakpoint
ALTER TABLE "books" ADD COLUMN "format" smallint DEFAULT 1 NOT NULL;--> statement-breakpoint

-- The version counts the updates that change a member. With what is derived set to what it was, the whole row tells
-- whether one did. An update that changes none writes the JSON in today's format, and leaves version and updated_at:
-- a migration that adds a member can so update the books in batches.
CREATE FUNCTION octavo_derive_book() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  -- Adding a member: give it to octavo_book_json, and count this up.
  today CONSTANT smallint := 1;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    NEW.version := OLD.version;
    NEW.updated_at := OLD.updated_at;
    NEW.search_text := OLD.search_text;
    NEW.author_search_text := OLD.author_search_text;
    NEW.json := OLD.json;
    NEW.format := OLD.format;
    IF NEW IS DISTINCT FROM OLD THEN
      NEW.version := OLD.version + 1;
      -- Not now(): a transaction that waited for the row began before the change that it waited for.
      NEW.updated_at := clock_timestamp();
    ELSIF NEW.format = today THEN
      RETURN NEW;
    END IF;
  END IF;
  IF TG_OP = 'INSERT' OR (NEW.title, NEW.author, NEW.isbn) IS DISTINCT FROM (OLD.title, OLD.author, OLD.isbn) THEN
    NEW.search_text := public.octavo_search_text(NEW.title || E'\x1f' || NEW.author || E'\x1f' || NEW.isbn);
    NEW.author_search_text := public.octavo_search_text(NEW.author);
  END IF;
  NEW.json := public.octavo_book_json(
    NEW.id, NEW.title, NEW.author, NEW.isbn, NEW.price, NEW.stock, NEW.description, NEW.created_at, NEW.updated_at
  );
  NEW.format := today;
  RETURN NEW;
END
$$;--> statement-breakpoint
DROP TRIGGER books_touch ON books;--> statement-breakpoint
CREATE TRIGGER books_derive BEFORE INSERT OR UPDATE ON books
FOR EACH ROW EXECUTE FUNCTION octavo_derive_book();
