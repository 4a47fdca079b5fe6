-- Locks: books (SHARE UPDATE EXCLUSIVE) for milliseconds.
-- For terms that less than a hundredth of the books have, the planner had to guess whether to walk the listing's order or the
-- index of trigrams. A larger sample tells it, from the next ANALYZE on.
ALTER TABLE "books" ALTER COLUMN "search_text" SET STATISTICS 1000, ALTER COLUMN "author_search_text" SET STATISTICS 1000;
