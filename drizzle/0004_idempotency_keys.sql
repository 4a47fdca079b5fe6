-- Locks: nothing.
CREATE TABLE "idempotency_keys" (
	"key" text NOT NULL,
	"fingerprint" text NOT NULL,
	"id" uuid NOT NULL,
	"version" bigint NOT NULL,
	"json" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "idempotency_keys_pkey" PRIMARY KEY("key")
);
--> statement-breakpoint
CREATE INDEX "idempotency_keys_created_at_idx" ON "idempotency_keys" USING btree ("created_at");