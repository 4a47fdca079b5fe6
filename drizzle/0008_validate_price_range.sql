-- Locks: books (SHARE UPDATE EXCLUSIVE) for as long as it reads all books.
-- By itself, as it reads the whole table: reads and writes go on under its lock.
ALTER TABLE "books" VALIDATE CONSTRAINT "books_price_range";
