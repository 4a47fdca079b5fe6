-- Locks: books (ACCESS EXCLUSIVE) for as long as it writes all books anew, 7 s for 200,000.
-- A book as the API answers it: the members in this order, without white space, times in UTC with six digits behind the
-- second. IMMUTABLE, as a stored column needs it, though what it calls is STABLE: none of that looks at a setting here.
-- To change it takes a migration that writes the column anew: ALTER TABLE books ALTER COLUMN json SET EXPRESSION AS (…).
CREATE FUNCTION octavo_book_json(
  id uuid, title text, author text, isbn text, price numeric, stock integer, description text,
  created_at timestamptz, updated_at timestamptz
) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
  RETURN (
    SELECT row_to_json(members)::text
    FROM (
      SELECT id, title, author, isbn, trim_scale(price) AS price, stock, description,
        to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS created_at,
        to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS updated_at
    ) members
  );
END
$$;
--> statement-breakpoint
ALTER TABLE "books" ADD COLUMN "json" text GENERATED ALWAYS AS (octavo_book_json(id, title, author, isbn, price, stock, description, created_at, updated_at)) STORED NOT NULL;
