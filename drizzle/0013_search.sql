-- Locks: books (SHARE ROW EXCLUSIVE) for milliseconds.
-- The search's tables, and the triggers that keep them up to date. Existing books are entered by npm run db:migrate, in
-- batches, after the migrations.
CREATE EXTENSION IF NOT EXISTS pg_trgm;--> statement-breakpoint
CREATE EXTENSION IF NOT EXISTS fuzzystrmatch;--> statement-breakpoint

CREATE TABLE "book_search" (
	"book_id" uuid NOT NULL,
	"title" text collate "C" NOT NULL,
	"words" "tsvector" NOT NULL,
	CONSTRAINT "book_search_pkey" PRIMARY KEY("book_id")
);
--> statement-breakpoint
CREATE TABLE "search_words" (
	"word" text collate "C" NOT NULL
);
--> statement-breakpoint
-- More frequent words than by default, because a search chooses its way by how frequent its words are.
ALTER TABLE "book_search" ALTER COLUMN "words" SET STATISTICS 400;--> statement-breakpoint
CREATE INDEX "book_search_title_idx" ON "book_search" USING btree ("title","book_id");--> statement-breakpoint
CREATE INDEX "book_search_words_idx" ON "book_search" USING gin ("words");--> statement-breakpoint
CREATE INDEX "search_words_word_idx" ON "search_words" USING btree ("word");--> statement-breakpoint
CREATE INDEX "search_words_reverse_idx" ON "search_words" USING btree (reverse("word"));--> statement-breakpoint
CREATE INDEX "search_words_trigram_idx" ON "search_words" USING gin ("word" gin_trgm_ops);--> statement-breakpoint

-- In plpgsql, because an index reads an SQL function anew for each row.
CREATE OR REPLACE FUNCTION octavo_lower(texts text[]) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN (SELECT coalesce(array_agg(lower(one COLLATE pg_c_utf8)), '{}') FROM unnest(texts) AS one);
END
$$;--> statement-breakpoint

-- Folds text that is not all ASCII, so far that octavo_fold can go on with it.
CREATE FUNCTION octavo_fold_letters(value text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  -- Apostrophes first: NFKD makes a space and a mark of some. Then the full stops of other scripts.
  value := translate(value, '’‘‛ʼʻʹ´′՚׳。۔', '''''''''''''''''''''..');
  value := lower(normalize(value, NFKD) COLLATE pg_c_utf8);
  -- A letter of its own, unlike ё.
  value := replace(value, U&'\0438\0306', 'й');
  -- Accents, vowel points and what nobody sees. They are no letters, and would cut a word in two as spaces.
  value := regexp_replace(
    value,
    '[\u00ad\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670'
    '\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0740-\u074a\u093c\u094d\u0951-\u0954\u09bc\u09cd\u0a3c\u0a4d\u0abc\u0acd'
    '\u0b3c\u0b4d\u0bcd\u0c4d\u0cbc\u0ccd\u0d3b\u0d3c\u0d4d\u0dca\u0e47-\u0e4e\u0ec8-\u0ece\u1037\u1039\u103a\u17c9-\u17d3\u17dd'
    '\u180b-\u180d\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f\u202a-\u202e\u2060-\u2069\u20d0-\u20f0\u302a-\u302f\ufe00-\ufe0f\ufe20-\ufe2f\ufeff]',
    '', 'g'
  );
  value := translate(normalize(value, NFC), 'øłđıħŧς', 'oldihtσ');
  value := replace(replace(replace(replace(value, 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th');
  -- Scripts without spaces between words: each character is one. Thai to Khmer, then kana and Chinese.
  RETURN regexp_replace(
    value, '([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff])',
    ' \1 ', 'g'
  );
END
$$;--> statement-breakpoint

-- Folds what is searched and what people type: words of letters and digits, with one space between them. Apostrophes and
-- full stops vanish. "+" and "#" stay behind a letter or digit ("c++", "f#"). All other marks are spaces.
CREATE FUNCTION octavo_fold(value text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF octet_length(value) = length(value) THEN
    value := lower(value COLLATE "C");
  ELSE
    value := public.octavo_fold_letters(value);
  END IF;
  -- An ellipsis separates words; a single full stop does not.
  value := translate(replace(value, '..', ' '), '''`.', '');
  IF value COLLATE "C" ~ '[+#]' THEN
    value := regexp_replace(value COLLATE pg_c_utf8, '(?<![[:alnum:]+#])[+#]+', ' ', 'g');
    value := regexp_replace(value COLLATE pg_c_utf8, '([+#])(?=[[:alnum:]])', '\1 ', 'g');
  END IF;
  IF value COLLATE "C" ~ '[^a-z0-9 ]|  ' THEN
    value := regexp_replace(value COLLATE pg_c_utf8, '[^[:alnum:]+#]+', ' ', 'g');
  END IF;
  RETURN btrim(value);
END
$$;--> statement-breakpoint

-- A title without what is in brackets, unless nothing is left then.
CREATE FUNCTION octavo_main_title(title text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF title COLLATE "C" !~ '[([（［]' THEN RETURN title; END IF;
  RETURN coalesce(nullif(btrim(regexp_replace(title, '[([（［][^)\]）］]*[)\]）］]?', ' ', 'g')), ''), title);
END
$$;--> statement-breakpoint

-- The words of a field by their places, and behind them its other readings: "J.K." is "jk" and "j k", "three-body" is
-- "three body" and "threebody", "O'Brien" is "obrien" and "o brien", "c++" is "c" too. Words of authors have a second
-- lexeme with "@": the index knows no weights, and would read all books with "the" to find it among authors.
-- A loop, because a query costs ten times as much here.
CREATE FUNCTION octavo_words_of(value text, weight text) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  folded text := public.octavo_fold(value);
  spaced text := folded;
  others text := '';
  words text[] := string_to_array(folded, ' ');
  lexemes text := '';
  place integer := 0;
  word text;
BEGIN
  IF value COLLATE "C" ~ '[-.''’‘ʼ‐‑]' THEN
    spaced := public.octavo_fold(translate(value, '.''’‘ʼ', '     '));
    others := spaced || ' ' || public.octavo_fold(translate(value, '-‐‑', ''));
  END IF;
  IF folded COLLATE "C" ~ '[+#]' THEN
    others := others || ' ' || translate(folded, '+#', '');
  END IF;
  -- Initials. The letters are those of the alphabets that have them, and no Chinese ones.
  IF spaced COLLATE "C" ~ '(^| )[^ 0-9]{1,2} [^ 0-9]{1,2}( |$)' THEN
    others := concat_ws(' ', others, (
      SELECT string_agg(replace(initials[1], ' ', ''), ' ')
      FROM regexp_matches(spaced, '(?:^| )((?:[a-z\u00df-\u058f] )+[a-z\u00df-\u058f])(?= |$)', 'g') AS initials
    ));
  END IF;
  FOREACH word IN ARRAY words || string_to_array(others, ' ') LOOP
    place := least(place + 1, 16383);
    IF place > cardinality(words) THEN
      CONTINUE WHEN word = '' OR word = ANY (words);
      -- A gap, so that other readings are no neighbours in a phrase.
      place := least(place + 1, 16383);
    END IF;
    lexemes := lexemes || ' ''' || word || ''':' || place || weight;
    IF weight = 'B' THEN lexemes := lexemes || ' ''@' || word || ''':' || place || weight; END IF;
  END LOOP;
  RETURN lexemes::tsvector;
END
$$;--> statement-breakpoint

-- What `book_search` has of a book: the title is A, the author B, what is in brackets and the publisher C. The ISBN is
-- a word, and "~" with its digits reversed another one: the end of an ISBN is the beginning of that.
CREATE FUNCTION octavo_search_words(title text, author text, publisher text, isbn text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN octavo_words_of(octavo_main_title(title), 'A')
  || octavo_words_of(author, 'B')
  || coalesce(octavo_words_of(substring(title FROM '[([（［].*'), 'C'), '')
  || coalesce(octavo_words_of(publisher, 'C'), '')
  || array_to_tsvector(ARRAY[isbn, '~' || reverse(isbn)]);--> statement-breakpoint

-- Adds the words that the vocabulary lacks. Numbers are left out: nobody wants one that resembles theirs.
-- The settings keep it from reading the whole vocabulary for a single book, and from being planned anew for each.
CREATE FUNCTION octavo_learn_words(lexemes text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  INSERT INTO public.search_words (word)
  SELECT given.word FROM (SELECT DISTINCT word COLLATE "C" AS word FROM unnest(lexemes) AS word) AS given
  WHERE given.word !~ '^[@~0-9]' AND length(given.word) BETWEEN 2 AND 40
    AND NOT EXISTS (SELECT FROM public.search_words AS known WHERE known.word = given.word);
END
$$;--> statement-breakpoint

CREATE FUNCTION octavo_search_entry(id uuid, title text, author text, publisher text, isbn text) RETURNS book_search
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ROW(id, octavo_fold(octavo_main_title(title)), octavo_search_words(title, author, publisher, isbn))::book_search;--> statement-breakpoint

-- The triggers write as their owner, so that the app's role needs no right to change these tables.
CREATE FUNCTION octavo_enter_new_books() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  lexemes text[];
BEGIN
  WITH entered AS (
    INSERT INTO public.book_search
    SELECT entry.* FROM added, public.octavo_search_entry(added.id, added.title, added.author, added.publisher, added.isbn) AS entry
    RETURNING words
  )
  SELECT array_agg(word) INTO lexemes FROM entered, unnest(tsvector_to_array(words)) AS word;
  PERFORM public.octavo_learn_words(lexemes);
  RETURN NULL;
END
$$;--> statement-breakpoint
CREATE TRIGGER books_search_insert AFTER INSERT ON books
REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION octavo_enter_new_books();--> statement-breakpoint

CREATE FUNCTION octavo_enter_changed_book() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  entry public.book_search := public.octavo_search_entry(NEW.id, NEW.title, NEW.author, NEW.publisher, NEW.isbn);
BEGIN
  DELETE FROM public.book_search WHERE book_id = OLD.id AND OLD.id <> NEW.id;
  -- The book has no entry yet if the migration has not come to it.
  INSERT INTO public.book_search VALUES (entry.*)
  ON CONFLICT (book_id) DO UPDATE SET title = excluded.title, words = excluded.words;
  PERFORM public.octavo_learn_words(tsvector_to_array(entry.words));
  RETURN NULL;
END
$$;--> statement-breakpoint
CREATE TRIGGER books_search_update AFTER UPDATE ON books
FOR EACH ROW WHEN (
  (OLD.id, OLD.title, OLD.author, OLD.publisher, OLD.isbn) IS DISTINCT FROM (NEW.id, NEW.title, NEW.author, NEW.publisher, NEW.isbn)
)
EXECUTE FUNCTION octavo_enter_changed_book();--> statement-breakpoint

CREATE FUNCTION octavo_remove_book() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    DELETE FROM public.book_search;
  ELSE
    DELETE FROM public.book_search WHERE book_id = OLD.id;
  END IF;
  RETURN NULL;
END
$$;--> statement-breakpoint
CREATE TRIGGER books_search_delete AFTER DELETE ON books
FOR EACH ROW EXECUTE FUNCTION octavo_remove_book();--> statement-breakpoint
CREATE TRIGGER books_search_truncate AFTER TRUNCATE ON books
FOR EACH STATEMENT EXECUTE FUNCTION octavo_remove_book();--> statement-breakpoint

-- Enters the next books that have no entry: those from before the triggers. Gives the last id, or null at the end.
-- The lock keeps a book from being deleted between being read and being entered.
CREATE FUNCTION octavo_enter_missing_books(after uuid, size integer) RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  last uuid;
  lexemes text[];
BEGIN
  WITH missing AS MATERIALIZED (
    SELECT id, title, author, publisher, isbn FROM public.books
    WHERE id > after AND NOT EXISTS (SELECT FROM public.book_search WHERE book_id = id)
    ORDER BY id LIMIT size FOR SHARE OF books
  ), entered AS (
    INSERT INTO public.book_search
    SELECT entry.* FROM missing,
      public.octavo_search_entry(missing.id, missing.title, missing.author, missing.publisher, missing.isbn) AS entry
    ON CONFLICT (book_id) DO NOTHING
    RETURNING words
  )
  SELECT (SELECT id FROM missing ORDER BY id DESC LIMIT 1),
    (SELECT array_agg(word) FROM entered, unnest(tsvector_to_array(words)) AS word)
  INTO last, lexemes;
  PERFORM public.octavo_learn_words(lexemes);
  RETURN last;
END
$$;
