-- By itself, as it reads the whole table: reads and writes go on under its lock.
ALTER TABLE "books" VALIDATE CONSTRAINT "books_price_range";
