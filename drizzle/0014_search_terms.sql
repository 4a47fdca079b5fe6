-- Locks: nothing.
-- What people type becomes a tsquery. Only quoted lexemes of folded words go into it, so that nothing typed is an operator.

-- `match` says how books match: by all words, by similar ones, or by some. It is null if none does.
-- `indexed` is what the index is asked for `query`: the same without frequent beginnings, which it reads slowly.
-- `whole` asks for all words as they stand, and `title` is the folded search.
-- `is_common` says that walking from the newest book on finds enough books sooner than the index does.
CREATE TYPE octavo_search_plan AS (
  match text, query tsquery, indexed tsquery, whole tsquery, title text, is_common boolean
);--> statement-breakpoint

-- What the first page looked at, if there were more books: those up to `newest`, and of each kind of match those from a
-- bound on. Null is no bound.
CREATE TYPE octavo_search_bounds AS (
  newest uuid, equal_from uuid, begins_until text, begins_until_id uuid, rest_from uuid
);--> statement-breakpoint

-- A word that somebody typed. `field` is "@" if only authors are to match, else empty.
CREATE TYPE octavo_search_word AS (word text, field text, is_last boolean);--> statement-breakpoint

-- A lexeme as tsquery reads it. Folded words have no quote and no backslash.
CREATE FUNCTION octavo_lexeme(word text, label text DEFAULT '') RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN '''' || word || ''':' || label;--> statement-breakpoint

-- The planner's estimate of how many books match. It knows frequent words from the statistics of ANALYZE.
-- VOLATILE, because Postgres allows EXPLAIN in no other function.
CREATE FUNCTION octavo_estimate_matches(query tsquery) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE format('EXPLAIN (FORMAT json) SELECT FROM public.book_search WHERE words @@ %L::tsquery', query) INTO plan;
  RETURN plan #>> '{0,Plan,Plan Rows}';
END
$$;--> statement-breakpoint

-- The lexemes of books whose ISBN is, begins with or ends in these digits, as tsquery reads them; null if none can.
CREATE FUNCTION octavo_isbn_query(digits text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  body text := '978' || left(digits, 9);
  total integer;
BEGIN
  IF digits ~ '^\d{13}$' THEN RETURN public.octavo_lexeme(digits, ''); END IF;
  IF digits ~ '^\d{9}[\dx]$' THEN
    total := (SELECT sum(substr(body, place, 1)::integer * CASE place % 2 WHEN 0 THEN 3 ELSE 1 END)
              FROM generate_series(1, 12) AS place);
  END IF;
  RETURN nullif(concat_ws(' | ',
    public.octavo_lexeme(body || (10 - total % 10) % 10, ''),
    CASE WHEN digits ~ '^97[89]\d{1,9}$' THEN public.octavo_lexeme(digits, '*') END,
    CASE WHEN digits ~ '^\d{4,12}$' THEN public.octavo_lexeme('~' || reverse(digits), '*') END
  ), '');
END
$$;--> statement-breakpoint

-- What people type, as words. ISBNs lose their hyphens, and a search of digits alone its spaces too if it is a whole ISBN.
CREATE FUNCTION octavo_typed_words(typed text, field text) RETURNS SETOF octavo_search_word
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  token text;
  dashed text := translate(normalize(coalesce(typed, ''), NFKC), '‐‒–—−', '-----');
BEGIN
  IF field = '' AND dashed ~ '\d.*\d' THEN
    IF dashed ~ '^[\s\d-]+[xX]?\s*$' AND length(regexp_replace(dashed, '[\s-]', '', 'g')) IN (10, 13) THEN
      typed := regexp_replace(dashed, '[\s-]', '', 'g');
    END IF;
    FOR token IN SELECT hyphenated[1] FROM regexp_matches(dashed, '(?<!\S)(?:\d+-)+[\dxX]+(?!\S)', 'g') AS hyphenated LOOP
      IF length(replace(token, '-', '')) >= 9 THEN
        typed := replace(dashed, token, replace(token, '-', ''));
        dashed := typed;
      END IF;
    END LOOP;
  END IF;
  RETURN QUERY SELECT word, field, row_number() OVER (ORDER BY max(place) DESC) = 1
    FROM string_to_table(public.octavo_fold(left(typed, 200)), ' ') WITH ORDINALITY AS given (word, place)
    WHERE word <> '' GROUP BY word ORDER BY min(place);
END
$$;--> statement-breakpoint

-- A word as it stands, for the last one also as a beginning. The beginning "97" is that of every ISBN.
CREATE FUNCTION octavo_exact_term(term octavo_search_word) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN concat_ws(' | ',
  octavo_lexeme((term).field || (term).word, CASE WHEN (term).is_last AND (term).word !~ '^9(7[89]?)?$' THEN '*' ELSE '' END),
  CASE WHEN (term).field = '' THEN octavo_isbn_query((term).word) END
);--> statement-breakpoint

-- Whether so many books have words with this beginning that the index takes long to read them all.
CREATE FUNCTION octavo_is_frequent_beginning(term octavo_search_word) RETURNS boolean
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  SELECT term.is_last AND (length(term.word) < 3
    OR public.octavo_estimate_matches(public.octavo_lexeme(term.field || term.word, '*')::tsquery) > 5000);
$$;--> statement-breakpoint

-- Words of the catalogue that may be a slip or two away from a term. One slip leaves one half of it as it is. For two, words
-- must share trigrams with it: as many as survive two slips in a word of eight letters or more.
-- The extensions are in public, or in the schema "extensions" at some providers.
CREATE FUNCTION octavo_slip_candidates(term text) RETURNS SETOF text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, extensions, pg_temp SET enable_seqscan = off
SET pg_trgm.similarity_threshold = 0.2 AS $$
DECLARE
  size integer := length(term);
  start text := left(term, size / 2);
  reversed_end text := reverse(substr(term, size / 2 + 1));
BEGIN
  RETURN QUERY SELECT word FROM public.search_words
    WHERE word >= start AND word < start || U&'\+10FFFF' AND length(word) BETWEEN size - 1 AND size + 1
    UNION SELECT word FROM public.search_words
    WHERE reverse(word) >= reversed_end AND reverse(word) < reversed_end || U&'\+10FFFF'
      AND length(word) BETWEEN size - 1 AND size + 1;
  IF size >= 6 THEN
    PERFORM set_config('pg_trgm.similarity_threshold', CASE WHEN size < 10 THEN '0.2' ELSE '0.28' END, true);
    RETURN QUERY SELECT word FROM public.search_words
      WHERE word % term AND length(word) BETWEEN greatest(8, size - 2) AND size + 2;
  END IF;
END
$$;--> statement-breakpoint

-- Words of the catalogue that are a slip or two away from a term, the nearest first.
CREATE FUNCTION octavo_slips_of(term text) RETURNS SETOF text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, extensions, pg_temp SET enable_seqscan = off AS $$
DECLARE
  size integer := length(term);
  -- A swap is one slip, but two to Levenshtein: the term with each two neighbours swapped.
  swapped text[] := ARRAY(
    SELECT left(term, at - 1) || substr(term, at + 1, 1) || substr(term, at, 1) || substr(term, at + 2)
    FROM generate_series(1, size - 1) AS at
  );
BEGIN
  RETURN QUERY SELECT slip.word FROM (
      SELECT near.word, least(
        levenshtein_less_equal(near.word, term, allowed),
        CASE WHEN near.word = ANY (swapped) THEN 1
          WHEN allowed = 2 THEN 1 + (SELECT min(levenshtein_less_equal(near.word, swap, 1)) FROM unnest(swapped) AS swap)
        END
      ) AS distance, allowed
      FROM (
        SELECT word, CASE WHEN greatest(size, length(word)) >= 8 THEN 2 ELSE 1 END AS allowed
        FROM (
          SELECT public.octavo_slip_candidates(term) AS word
          UNION SELECT word FROM public.search_words WHERE word = ANY (swapped)
        ) AS candidates
        WHERE word <> term AND greatest(size, length(word)) >= 4
      ) AS near
    ) AS slip
    WHERE distance <= allowed
    ORDER BY distance, slip.word = ANY (swapped) DESC, left(slip.word, 1) = left(term, 1) DESC,
      similarity(slip.word, term) DESC, slip.word
    LIMIT 8;
END
$$;--> statement-breakpoint

-- A term with all that it may stand for: slips, words that it is inside of, and two words that were written as one.
CREATE FUNCTION octavo_similar_term(term octavo_search_word) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
  size integer := length(term.word);
  result text := public.octavo_exact_term(term);
BEGIN
  IF size NOT BETWEEN 3 AND 40 OR term.word ~ '^\d+$' THEN RETURN result; END IF;
  RETURN concat_ws(' | ', result,
    (SELECT string_agg(public.octavo_lexeme(term.field || slip), ' | ') FROM public.octavo_slips_of(term.word) AS slip),
    (SELECT string_agg(public.octavo_lexeme(term.field || around.word), ' | ') FROM (
      SELECT word FROM public.search_words WHERE word LIKE '%' || term.word || '%'
      GROUP BY word ORDER BY length(word), word LIMIT 8
    ) AS around),
    (SELECT string_agg(format('(%s <-> %s)', public.octavo_lexeme(term.field || start), public.octavo_lexeme(term.field || rest)), ' | ')
     FROM (
      SELECT left(term.word, at) AS start, substr(term.word, at + 1) AS rest FROM generate_series(2, size - 2) AS at
      WHERE EXISTS (SELECT FROM public.search_words WHERE word = left(term.word, at))
        AND EXISTS (SELECT FROM public.search_words WHERE word = substr(term.word, at + 1))
      ORDER BY least(at, size - at) DESC LIMIT 3
    ) AS split));
END
$$;--> statement-breakpoint

CREATE FUNCTION octavo_all_of(terms text[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT string_agg('(' || term || ')', ' & ') FROM unnest(terms) AS term);--> statement-breakpoint

-- All terms, or all but two neighbours that the catalogue writes as one word. A term that is null is left out.
CREATE FUNCTION octavo_similar_query(words octavo_search_word[], terms text[]) RETURNS tsquery
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
  SELECT concat_ws(' | ', public.octavo_all_of(terms), string_agg(
    concat_ws(' & ', public.octavo_lexeme(words[at].field || words[at].word || words[at + 1].word),
      public.octavo_all_of(terms[:at - 1] || terms[at + 2:])), ' | '
  ))::tsquery
  FROM generate_series(1, least(cardinality(words), 12) - 1) AS at
  WHERE words[at].field = words[at + 1].field
    AND EXISTS (SELECT FROM public.search_words WHERE word = words[at].word || words[at + 1].word);
$$;--> statement-breakpoint

-- Any of the terms but short and frequent ones, if there are others.
CREATE FUNCTION octavo_some_query(words octavo_search_word[], terms text[]) RETURNS tsquery
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(
    string_agg(term, ' | ') FILTER (
      WHERE length(words[place].word) > 3
        AND public.octavo_estimate_matches(public.octavo_lexeme(words[place].field || words[place].word)::tsquery) <= 5000
    ),
    string_agg(term, ' | ')
  )::tsquery
  FROM unnest(terms) WITH ORDINALITY AS given (term, place);
$$;--> statement-breakpoint

-- Characters of Chinese, Japanese and Thai that were typed without a space belong together.
CREATE FUNCTION octavo_runs_query(typed text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
  SELECT string_agg('(''' || replace(folded, ' ', ''' <-> ''') || ''')', ' & ')
  FROM regexp_matches(
    normalize(typed, NFKC), '[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]{2,}', 'g'
  ) AS run, octavo_fold(run[1]) AS folded
  WHERE folded LIKE '% %'
);--> statement-breakpoint

-- The terms in their order. Six words at most are looked up, long ones before short: each takes some milliseconds.
CREATE FUNCTION octavo_similar_terms(words octavo_search_word[], with_known boolean) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT array_agg(
    CASE WHEN is_sought AND rank <= 6 THEN public.octavo_similar_term(ROW(word, field, is_last))
      ELSE public.octavo_exact_term(ROW(word, field, is_last)) END
    ORDER BY place
  )
  FROM (
    SELECT *, row_number() OVER (PARTITION BY is_sought ORDER BY length(word) DESC) AS rank
    FROM (
      SELECT *, with_known OR NOT EXISTS (SELECT FROM public.search_words AS known WHERE known.word = given.word) AS is_sought
      FROM unnest(words) WITH ORDINALITY AS given (word, field, is_last, place)
    ) AS judged
  ) AS ranked;
$$;
--> statement-breakpoint

-- The terms, with null in place of those that are frequent beginnings.
CREATE FUNCTION octavo_terms_for_index(terms text[], frequent boolean[]) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY(SELECT CASE WHEN NOT is_frequent THEN term END FROM unnest(terms, frequent) AS given (term, is_frequent));
