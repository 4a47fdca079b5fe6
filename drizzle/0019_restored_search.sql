-- Locks: nothing.
-- A restore of data alone loads the entries of the search before their books: the books must not enter them again.
CREATE OR REPLACE FUNCTION octavo_enter_new_books() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  lexemes text[];
BEGIN
  WITH entered AS (
    INSERT INTO public.book_search
    SELECT entry.* FROM added, public.octavo_search_entry(added.id, added.title, added.author, added.publisher, added.isbn) AS entry
    ON CONFLICT (book_id) DO NOTHING
    RETURNING words
  )
  SELECT array_agg(word) INTO lexemes FROM entered, unnest(tsvector_to_array(words)) AS word;
  PERFORM public.octavo_learn_words(lexemes);
  RETURN NULL;
END
$$;
