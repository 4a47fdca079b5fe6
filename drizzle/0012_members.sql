-- Locks: books (ACCESS EXCLUSIVE) for milliseconds.
-- What spreadsheets and ONIX files say of a book. Constant defaults, so that no table is rewritten.
ALTER TABLE "books" ADD COLUMN "publisher" text;--> statement-breakpoint
ALTER TABLE "books" ADD COLUMN "published" text;--> statement-breakpoint
ALTER TABLE "books" ADD COLUMN "language" text;--> statement-breakpoint
ALTER TABLE "books" ADD COLUMN "format" text;--> statement-breakpoint
ALTER TABLE "books" ADD COLUMN "pages" integer;--> statement-breakpoint
ALTER TABLE "books" ADD COLUMN "cover_url" text;--> statement-breakpoint
ALTER TABLE "books" ADD COLUMN "subjects" text[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "books" ADD CONSTRAINT "books_publisher_length" CHECK (char_length("books"."publisher") between 1 and 255) NOT VALID;--> statement-breakpoint
ALTER TABLE "books" ADD CONSTRAINT "books_published_date" CHECK ("books"."published" ~ '^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?$') NOT VALID;--> statement-breakpoint
ALTER TABLE "books" ADD CONSTRAINT "books_language_tag" CHECK ("books"."language" ~ '^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$') NOT VALID;--> statement-breakpoint
ALTER TABLE "books" ADD CONSTRAINT "books_format_name" CHECK ("books"."format" in ('hardback', 'paperback', 'board_book', 'ebook', 'audiobook', 'other')) NOT VALID;--> statement-breakpoint
ALTER TABLE "books" ADD CONSTRAINT "books_pages_range" CHECK ("books"."pages" between 1 and 100000) NOT VALID;--> statement-breakpoint
ALTER TABLE "books" ADD CONSTRAINT "books_cover_url_length" CHECK ("books"."cover_url" like 'https://%' and char_length("books"."cover_url") <= 2000) NOT VALID;--> statement-breakpoint
ALTER TABLE "books" ADD CONSTRAINT "books_subjects_count" CHECK (cardinality("books"."subjects") <= 20) NOT VALID;--> statement-breakpoint

-- lower() of each text, in any alphabet and whatever the machine's locale is. IMMUTABLE, as an index needs it.
CREATE FUNCTION octavo_lower(texts text[]) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT coalesce(array_agg(lower(one COLLATE pg_catalog.pg_c_utf8)), '{}') FROM unnest(texts) AS one);--> statement-breakpoint

CREATE OR REPLACE FUNCTION octavo_book_format() RETURNS smallint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 2::smallint;--> statement-breakpoint

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
      NEW.stock AS stock, NEW.description AS description, NEW.publisher AS publisher, NEW.published AS published,
      NEW.language AS language, NEW.format AS format, NEW.pages AS pages, NEW.cover_url AS cover_url,
      NEW.subjects AS subjects,
      to_char(NEW.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS created_at,
      to_char(NEW.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS updated_at
  ) AS members;
  NEW.json_format := public.octavo_book_format();
  RETURN NEW;
END
$$;--> statement-breakpoint
CREATE INDEX CONCURRENTLY "books_published_idx" ON "books" USING btree (coalesce("published", '') collate "C","id");--> statement-breakpoint
CREATE INDEX CONCURRENTLY "books_publisher_idx" ON "books" USING btree (lower("publisher" collate pg_c_utf8),"created_at","id");--> statement-breakpoint
CREATE INDEX CONCURRENTLY "books_language_idx" ON "books" USING btree (lower("language" collate "C"),"created_at","id");--> statement-breakpoint
CREATE INDEX CONCURRENTLY "books_format_idx" ON "books" USING btree ("format","created_at","id");--> statement-breakpoint
CREATE INDEX CONCURRENTLY "books_subjects_idx" ON "books" USING gin (octavo_lower("subjects"));
