-- Locks: nothing.
-- Unlogged, because quotas may begin anew after a crash; with room in its pages for the next count of each row.
CREATE UNLOGGED TABLE "rate_limit_windows" (
	"key" text NOT NULL,
	"requests" bigint NOT NULL,
	"ends_at" timestamp with time zone NOT NULL,
	CONSTRAINT "rate_limit_windows_pkey" PRIMARY KEY("key")
) WITH (fillfactor = 50);
--> statement-breakpoint
CREATE INDEX "rate_limit_windows_ends_at_idx" ON "rate_limit_windows" USING btree ("ends_at");
