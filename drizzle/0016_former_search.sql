-- Locks: books (ACCESS EXCLUSIVE) for milliseconds.
-- The search has tables of its own now. Servers of the version before still read these columns until they are replaced, so
-- they stay for one version. New values would cost every write a third of its time: books that are created or renamed from
-- here on are found by servers of this version alone.
ALTER TABLE "books" ALTER COLUMN "search_text" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "books" ALTER COLUMN "author_search_text" DROP NOT NULL;--> statement-breakpoint

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
    NEW.search_text := NULL;
    NEW.author_search_text := NULL;
  END IF;
  -- The members in the order of the contract, without white space; times in UTC with six fractional digits.
  NEW.json := row_to_json(members)::text FROM (
    SELECT NEW.id AS id, NEW.title AS title, NEW.author AS author, NEW.isbn AS isbn, trim_scale(NEW.price) AS price,
      NEW.stock AS stock, NEW.description AS description, NEW.publisher AS publisher, NEW.published AS published,
      NEW.language AS language, NEW.format AS format, NEW.pages AS pages, NEW.cover_url AS cover_url,
      NEW.subjects AS subjects,
      to_char(NEW.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS created_at,
      to_char(NEW.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS updated_at
  ) AS members;
  NEW.json_format := public.octavo_book_format();
  RETURN NEW;
END
$$;
