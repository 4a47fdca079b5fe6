-- Locks: idempotency_keys (ACCESS EXCLUSIVE) for milliseconds.
-- The reply as it was sent, so that one without an id and a version can be kept too. The previous version goes on writing
-- and reading its own columns while this one is rolled out.
ALTER TABLE "idempotency_keys" ADD COLUMN "status" smallint;--> statement-breakpoint
ALTER TABLE "idempotency_keys" ADD COLUMN "headers" jsonb;--> statement-breakpoint
ALTER TABLE "idempotency_keys" ADD COLUMN "body" text;--> statement-breakpoint
ALTER TABLE "idempotency_keys" ALTER COLUMN "id" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "idempotency_keys" ALTER COLUMN "version" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "idempotency_keys" ALTER COLUMN "json" DROP NOT NULL;
