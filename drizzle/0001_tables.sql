-- Locks: nothing.
CREATE TABLE "books" (
	"id" uuid DEFAULT octavo_uuid_v7() NOT NULL,
	"title" text collate "und-x-icu" NOT NULL,
	"author" text collate "und-x-icu" NOT NULL,
	"isbn" text NOT NULL,
	"price" numeric(10, 2) NOT NULL,
	"stock" integer DEFAULT 0 NOT NULL,
	"description" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"version" bigint DEFAULT 1 NOT NULL,
	"search_text" text GENERATED ALWAYS AS (octavo_search_text(title || E'\x1f' || author || E'\x1f' || isbn)) STORED NOT NULL,
	"author_search_text" text GENERATED ALWAYS AS (octavo_search_text(author)) STORED NOT NULL,
	CONSTRAINT "books_pkey" PRIMARY KEY("id"),
	CONSTRAINT "books_isbn_key" UNIQUE("isbn"),
	CONSTRAINT "books_title_length" CHECK (char_length("books"."title") between 1 and 255),
	CONSTRAINT "books_author_length" CHECK (char_length("books"."author") between 1 and 255),
	CONSTRAINT "books_isbn_digits" CHECK ("books"."isbn" ~ '^97[89][0-9]{10}$'),
	CONSTRAINT "books_price_range" CHECK ("books"."price" >= 0),
	CONSTRAINT "books_stock_range" CHECK ("books"."stock" >= 0),
	CONSTRAINT "books_description_length" CHECK (char_length("books"."description") <= 10000),
	CONSTRAINT "books_zero_price_with_stock" CHECK ("books"."price" > 0 or "books"."stock" = 0)
);
--> statement-breakpoint
CREATE TABLE "stock_movements" (
	"id" uuid DEFAULT octavo_uuid_v7() NOT NULL,
	"book_id" uuid NOT NULL,
	"delta" integer NOT NULL,
	"stock_after" integer NOT NULL,
	"reason" text,
	"created_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	CONSTRAINT "stock_movements_pkey" PRIMARY KEY("id"),
	CONSTRAINT "stock_movements_reason_length" CHECK (char_length("stock_movements"."reason") <= 100)
);
--> statement-breakpoint
CREATE TABLE "tasks" (
	"id" uuid DEFAULT octavo_uuid_v7() NOT NULL,
	"title" text NOT NULL,
	"completed" boolean DEFAULT false NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"version" bigint DEFAULT 1 NOT NULL,
	CONSTRAINT "tasks_pkey" PRIMARY KEY("id"),
	CONSTRAINT "tasks_title_length" CHECK (char_length("tasks"."title") between 1 and 255)
);
--> statement-breakpoint
ALTER TABLE "stock_movements" ADD CONSTRAINT "stock_movements_book_id_books_id_fk" FOREIGN KEY ("book_id") REFERENCES "public"."books"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "books_created_at_idx" ON "books" USING btree ("created_at","id");--> statement-breakpoint
CREATE INDEX "books_title_idx" ON "books" USING btree ("title","id");--> statement-breakpoint
CREATE INDEX "books_author_idx" ON "books" USING btree ("author","id");--> statement-breakpoint
CREATE INDEX "books_price_idx" ON "books" USING btree ("price","id");--> statement-breakpoint
CREATE INDEX "books_search_idx" ON "books" USING gin ("search_text" gin_trgm_ops,"author_search_text" gin_trgm_ops);--> statement-breakpoint
CREATE INDEX "stock_movements_book_idx" ON "stock_movements" USING btree ("book_id","created_at","id");--> statement-breakpoint
CREATE INDEX "tasks_created_at_idx" ON "tasks" USING btree ("created_at","id");--> statement-breakpoint
CREATE INDEX "tasks_completed_idx" ON "tasks" USING btree ("completed","created_at","id");