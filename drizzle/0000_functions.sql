-- Locks: nothing.
-- What the tables stand on. Needs PostgreSQL 17 or later (the collation pg_c_utf8).

CREATE EXTENSION IF NOT EXISTS pg_trgm;
--> statement-breakpoint

-- A version 7 UUID (RFC 9562): 48 bits of Unix milliseconds, the version, then random bits.
-- The bits set below turn the version 4 of gen_random_uuid() into 7.
CREATE FUNCTION octavo_uuid_v7() RETURNS uuid
LANGUAGE sql VOLATILE PARALLEL SAFE
RETURN encode(
  set_bit(
    set_bit(
      overlay(
        uuid_send(gen_random_uuid())
        PLACING substring(int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
        FROM 1 FOR 6
      ),
      52, 1
    ),
    53, 1
  ),
  'hex'
)::uuid;
--> statement-breakpoint

-- Folds text for search; the text searched and the term both go through it, so that LIKE '%' || term || '%' is
-- all it takes. The result
--   * is in one case by Unicode's simple mappings, whatever the locale of the database;
--   * begins with a space, has one for each white space and two around every mark that is no letter and no digit:
--     a word starts after a space;
--   * has a letter of the Yi script for each common mark, because a trigram index sees letters and digits only,
--     and because then no `%`, `_` or `\` is left that LIKE could take for a wildcard. Rare marks stay, and share one
--     letter behind them. U+001F, which keeps fields apart, is a mark without one.
CREATE FUNCTION octavo_search_text(value text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
  value := regexp_replace(' ' || upper(lower(value COLLATE pg_c_utf8)), '[[:space:]]', ' ', 'g');
  value := regexp_replace(value COLLATE pg_c_utf8, '([^[:alnum:] ])', ' \1 ', 'g');
  -- translate() is slow (13 µs for a title), and most titles have nothing to translate.
  IF value COLLATE "C" ~ '[!-/:-@[-`{-~“”‘’–—…«»¿¡·•™®©°№]' THEN
    value := translate(
      value,
      E'!"#$%&''()*+,-./:;<=>?@[\\]^_`{|}~' || '“”‘’–—…«»¿¡·•™®©°№',
      'ꀀꀁꀂꀃꀄꀅꀆꀇꀈꀉꀊꀋꀌꀍꀎꀏꀐꀑꀒꀓꀔꀕꀖꀗꀘꀙꀚꀛꀜꀝꀞꀟ' || 'ꀠꀡꀢꀣꀤꀥꀦꀧꀨꀩꀪꀫꀬꀭꀮꀯꀰꀱ'
    );
  END IF;
  RETURN regexp_replace(value COLLATE pg_c_utf8, '([^[:alnum:] \x1f])', '\1ꀿ', 'g');
END
$$;
