-- Locks: books (ACCESS EXCLUSIVE) for milliseconds.
-- A book will have a member called format, so the format of its JSON takes another name.
ALTER TABLE "books" RENAME COLUMN "format" TO "json_format";--> statement-breakpoint

-- The format of a book's JSON today. npm run db:migrate brings older books to it, in batches.
CREATE FUNCTION octavo_book_format() RETURNS smallint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 1::smallint;--> statement-breakpoint

-- The JSON is written here, so that a new member is one line in one function.
CREATE OR REPLACE FUNCTION octavo_derive_book() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    NEW.version := OLD.version;
    NEW.updated_at := OLD.updated_at;
    NEW.search_text := OLD.search_text;
    NEW.author_search_text := OLD.author_search_text;
    NEW.json := OLD.json;
    NEW.json_format := OLD.json_format;
    IF NEW IS DISTINCT FROM OLD THEN
      NEW.version := OLD.version + 1;
      -- Not now(): a transaction that waited for the row began before the change that it waited for.
      NEW.updated_at := clock_timestamp();
    ELSIF NEW.json_format = public.octavo_book_format() THEN
      RETURN NEW;
    END IF;
  END IF;
  IF TG_OP = 'INSERT' OR (NEW.title, NEW.author, NEW.isbn) IS DISTINCT FROM (OLD.title, OLD.author, OLD.isbn) THEN
    NEW.search_text := public.octavo_search_text(NEW.title || E'\x1f' || NEW.author || E'\x1f' || NEW.isbn);
    NEW.author_search_text := public.octavo_search_text(NEW.author);
  END IF;
  -- The members in the order of the contract, without white space; times in UTC with six fractional digits.
  NEW.json := row_to_json(members)::text FROM (
    SELECT NEW.id AS id, NEW.title AS title, NEW.author AS author, NEW.isbn AS isbn, trim_scale(NEW.price) AS price,
      NEW.stock AS stock, NEW.description AS description,
      to_char(NEW.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS created_at,
      to_char(NEW.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS updated_at
  ) AS members;
  NEW.json_format := public.octavo_book_format();
  RETURN NEW;
END
$$;--> statement-breakpoint
DROP FUNCTION octavo_book_json(uuid, text, text, text, numeric, integer, text, timestamptz, timestamptz);
