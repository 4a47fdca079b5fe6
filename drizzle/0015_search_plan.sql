-- Locks: nothing.
-- The search in two steps: octavo_plan_search makes a query of what people type, octavo_search_books finds the books.
-- Whoever pages keeps the plan and the bounds of the first page, because words and statistics change meanwhile.

-- Sets `is_common` of a plan: null if no book matches.
-- If the planner expects many matches, and for the beginning of an ISBN, of which it knows nothing, the newest 5,000 books
-- tell how frequent they are. Walking past five books costs as much as finding one by the index: at a million books the two
-- ways cost the same for 1,000 of 14,000 matches. Walking pays always if a tenth match, even if the number of books is old.
CREATE FUNCTION octavo_measure(plan octavo_search_plan) RETURNS octavo_search_plan
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
  books real := (SELECT reltuples FROM pg_class WHERE oid = 'public.book_search'::regclass);
  sampled bigint := 0;
BEGIN
  IF public.octavo_estimate_matches(plan.query) > 3000 OR plan.query::text ~ '''97[89]\d{1,5}'':\*' THEN
    sampled := (SELECT count(*) FROM (
      SELECT FROM (SELECT words FROM public.book_search ORDER BY book_id DESC LIMIT 5000) AS recent
      WHERE words @@ plan.query LIMIT 500
    ) AS matching);
  END IF;
  plan.is_common := sampled >= least(500, 5000 * sqrt(200 / greatest(books, 1)));
  -- OFFSET 0 keeps the planner from asking the index for all of the query.
  IF sampled = 0 AND NOT EXISTS (
    SELECT FROM (SELECT words FROM public.book_search WHERE words @@ plan.indexed OFFSET 0) AS matching WHERE words @@ plan.query
  ) THEN plan.is_common := NULL; END IF;
  RETURN plan;
END
$$;--> statement-breakpoint

-- The newest books that match. If matches are common, the newest 80,000 books are walked first; the index has the rest.
CREATE FUNCTION octavo_newest_matches(plan octavo_search_plan, newest uuid, oldest uuid, size integer)
RETURNS SETOF book_search
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
  taken bigint;
BEGIN
  IF plan.is_common THEN
    RETURN QUERY SELECT recent.* FROM (
        SELECT * FROM public.book_search WHERE book_id <= newest AND (oldest IS NULL OR book_id >= oldest)
        ORDER BY book_id DESC LIMIT 80000
      ) AS recent
      WHERE recent.words @@ plan.query LIMIT size;
    GET DIAGNOSTICS taken = ROW_COUNT;
    IF taken = size THEN RETURN; END IF;
    size := size - taken;
    newest := (SELECT book_id FROM public.book_search WHERE book_id <= newest ORDER BY book_id DESC OFFSET 80000 LIMIT 1);
    IF newest IS NULL OR newest < oldest THEN RETURN; END IF;
  END IF;
  -- OFFSET 0 keeps the planner from walking the primary key, and from asking the index for all of the query.
  RETURN QUERY SELECT matching.* FROM (
      SELECT * FROM public.book_search WHERE words @@ plan.indexed OFFSET 0
    ) AS matching
    WHERE matching.book_id <= newest AND (oldest IS NULL OR matching.book_id >= oldest)
      AND (plan.indexed = plan.query OR words @@ plan.query)
    ORDER BY matching.book_id DESC LIMIT size;
END
$$;--> statement-breakpoint

-- What the index is asked: the query without its frequent beginnings, if the rest of it is not frequent too.
CREATE FUNCTION octavo_query_for_index(query tsquery, rest tsquery) RETURNS tsquery
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE WHEN rest = query OR public.octavo_estimate_matches(rest) > 10000 THEN query ELSE rest END;
$$;--> statement-breakpoint

-- Chooses how to match: by all words, else by similar ones, else by some.
-- The setting holds for all functions that it calls. Postgres would plan their queries anew each time, for milliseconds.
CREATE FUNCTION octavo_plan_search(search text, author text) RETURNS octavo_search_plan
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  plan public.octavo_search_plan;
  words public.octavo_search_word[] := ARRAY(
    SELECT typed FROM public.octavo_typed_words(search, '') AS typed
    UNION ALL SELECT typed FROM public.octavo_typed_words(author, '@') AS typed
  );
  frequent boolean[] := ARRAY(SELECT public.octavo_is_frequent_beginning(typed) FROM unnest(words) AS typed);
  terms text[] := ARRAY(SELECT public.octavo_exact_term(typed) FROM unnest(words) AS typed);
  runs text := public.octavo_runs_query(search);
  with_known boolean;
  unknown_terms text[];
BEGIN
  IF cardinality(words) = 0 THEN RETURN plan; END IF;
  -- The index must be asked for something.
  IF NOT false = ANY (frequent) THEN frequent := array_fill(false, ARRAY[cardinality(words)]); END IF;
  plan.title := nullif(public.octavo_fold(left(search, 200)), '');
  plan.whole := (SELECT string_agg(public.octavo_lexeme(field || word), ' & ') FROM unnest(words));
  plan.match := 'all';
  plan.query := concat_ws(' & ', public.octavo_all_of(terms), runs);
  plan.indexed := public.octavo_query_for_index(
    plan.query, concat_ws(' & ', public.octavo_all_of(public.octavo_terms_for_index(terms, frequent)), runs)::tsquery
  );
  plan := public.octavo_measure(plan);
  IF plan.is_common IS NOT NULL THEN RETURN plan; END IF;
  plan.match := 'similar';
  -- Unknown words first: that finds the same books at less than half the cost. Only if it finds nothing is a known word
  -- taken for a slip of another one.
  FOREACH with_known IN ARRAY '{f,t}'::boolean[] LOOP
    terms := public.octavo_similar_terms(words, with_known);
    unknown_terms := coalesce(unknown_terms, terms);
    plan.query := public.octavo_similar_query(words, terms);
    plan.indexed := public.octavo_query_for_index(
      plan.query, public.octavo_similar_query(words, public.octavo_terms_for_index(terms, frequent))
    );
    plan := public.octavo_measure(plan);
    IF plan.is_common IS NOT NULL THEN RETURN plan; END IF;
  END LOOP;
  plan.match := 'some';
  plan.query := public.octavo_some_query(words, unknown_terms);
  plan.indexed := plan.query;
  plan := public.octavo_measure(plan);
  RETURN CASE WHEN plan.is_common IS NOT NULL THEN plan END;
END
$$;--> statement-breakpoint

-- A folded title with each article, and without.
CREATE FUNCTION octavo_title_variants(title text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  articles text[] := '{the,a,an,le,la,les,un,une,el,los,las,il,lo,der,die,das,ein,eine}';
  bare text := CASE WHEN split_part(title, ' ', 1) = ANY (articles) THEN substring(title FROM ' (.*)') END;
BEGIN
  RETURN array_remove(ARRAY[title, bare], NULL)
    || ARRAY(SELECT article || ' ' || coalesce(bare, title) FROM unnest(articles) AS article);
END
$$;--> statement-breakpoint

-- What the score needs of a plan: words that a title may have, the last of them if it may be unfinished, titles that are
-- as good as the typed one, the same without spaces, and all words that were typed.
CREATE TYPE octavo_search_lexemes AS (
  in_title text[], beginning text, titles text[], joined_title text, typed text[]
);--> statement-breakpoint

CREATE FUNCTION octavo_lexemes_of(plan octavo_search_plan) RETURNS octavo_search_lexemes
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  lexemes public.octavo_search_lexemes;
  last text := substring(plan.title FROM '[^ ]+$');
BEGIN
  lexemes.typed := ARRAY(SELECT quoted[1] FROM regexp_matches(plan.whole::text, '''([^'']+)''', 'g') AS quoted);
  lexemes.in_title := lexemes.typed || ARRAY(SELECT quoted[1] FROM regexp_matches(plan.query::text, '''([^'']+)''', 'g') AS quoted);
  IF strpos(plan.query::text, '''' || last || ''':*') > 0 THEN lexemes.beginning := ' ' || last; END IF;
  lexemes.titles := public.octavo_title_variants(plan.title);
  lexemes.joined_title := replace(plan.title, ' ', '');
  RETURN lexemes;
END
$$;--> statement-breakpoint

-- How well a book matches: the title itself, a title that begins so, how much of the title was typed, whole words, and
-- title before author before the rest. It depends on the plan and the book alone, so that pages agree.
CREATE FUNCTION octavo_search_score(plan octavo_search_plan, lexemes octavo_search_lexemes, title text, words tsvector)
RETURNS integer
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  -- The different words of the title, and those that were not typed.
  own tsvector := array_to_tsvector(string_to_array(title, ' '));
  rest text := array_to_string(tsvector_to_array(ts_delete(own, lexemes.in_title)), ' ');
  rest_size integer := length(replace(rest, ' ', ''));
  missing tsvector;
  points float8;
BEGIN
  points := CASE
    WHEN title = plan.title THEN 5
    WHEN title = ANY (lexemes.titles) THEN 4
    WHEN replace(title, ' ', '') = lexemes.joined_title THEN 3
    WHEN starts_with(title, plan.title) THEN 1
    ELSE 0
  END;
  IF strpos(' ' || rest, lexemes.beginning) > 0 THEN rest_size := rest_size - length(lexemes.beginning) + 1; END IF;
  points := points + 1 - rest_size::float8 / greatest(1, length(array_to_string(tsvector_to_array(own), '')));
  IF words @@ plan.whole THEN points := points + 0.5; END IF;
  IF plan.match = 'some' THEN
    missing := ts_delete(array_to_tsvector(lexemes.typed), tsvector_to_array(words));
    points := points + 2 - 2 * length(missing)::float8 / cardinality(lexemes.typed);
  END IF;
  RETURN 1000000 * (points + ts_rank_cd('{0.05,0.2,0.6,1.0}', words, plan.query, 1 | 4));
END
$$;--> statement-breakpoint

-- The books of a search. The first page looks at up to `size` books: 300 of the same title with or without its article, 300
-- whose titles begin so, and the newest others. If there are more, each row has the bounds of these. Later pages, whose size
-- is null, find the books within the bounds again.
CREATE FUNCTION octavo_search_books(plan octavo_search_plan, size integer, bounds octavo_search_bounds DEFAULT NULL)
RETURNS TABLE (book_id uuid, score integer, page_bounds octavo_search_bounds)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  few integer := CASE WHEN size IS NOT NULL THEN 300 END;
  newest uuid := coalesce(bounds.newest, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
  lexemes public.octavo_search_lexemes := public.octavo_lexemes_of(plan);
BEGIN
  IF plan.match IS NULL THEN RETURN; END IF;
  RETURN QUERY WITH equal AS MATERIALIZED (
    SELECT entry.* FROM (SELECT DISTINCT unnest(lexemes.titles) AS title) AS sought, LATERAL (
      SELECT * FROM public.book_search AS entry
      WHERE entry.title = sought.title AND entry.book_id <= newest
        AND (bounds.equal_from IS NULL OR entry.book_id >= bounds.equal_from)
      ORDER BY entry.book_id DESC LIMIT few
    ) AS entry
    ORDER BY entry.book_id DESC LIMIT few
  ), begins AS MATERIALIZED (
    SELECT * FROM public.book_search AS entry
    WHERE title > plan.title AND title < plan.title || U&'\+10FFFF' AND entry.book_id <= newest
      AND (bounds.begins_until IS NULL OR (title, entry.book_id) <= (bounds.begins_until, bounds.begins_until_id))
    ORDER BY title, entry.book_id LIMIT few
  ), titled AS MATERIALIZED (
    SELECT * FROM (TABLE equal UNION TABLE begins) AS either WHERE words @@ plan.query
  ), rest AS MATERIALIZED (
    SELECT * FROM public.octavo_newest_matches(plan, newest, bounds.rest_from, size) AS entry
    WHERE NOT EXISTS (SELECT FROM titled WHERE titled.book_id = entry.book_id)
    ORDER BY entry.book_id DESC LIMIT size - (SELECT count(*) FROM titled)
  ), edges AS MATERIALIZED (
    SELECT ROW(
      (SELECT entry.book_id FROM public.book_search AS entry ORDER BY entry.book_id DESC LIMIT 1),
      (SELECT equal.book_id FROM equal ORDER BY book_id DESC OFFSET few - 1 LIMIT 1), last.title, last.book_id,
      (SELECT rest.book_id FROM rest ORDER BY book_id LIMIT 1))::public.octavo_search_bounds AS reached
    FROM (VALUES (1)) AS one LEFT JOIN (
      SELECT begins.title, begins.book_id FROM begins ORDER BY title, book_id OFFSET few - 1 LIMIT 1
    ) AS last ON true
    WHERE size <= (SELECT count(*) FROM titled) + (SELECT count(*) FROM rest)
  )
  SELECT entry.book_id, public.octavo_search_score(plan, lexemes, entry.title, entry.words), reached
  FROM (TABLE titled UNION ALL TABLE rest) AS entry LEFT JOIN edges ON true;
END
$$;
