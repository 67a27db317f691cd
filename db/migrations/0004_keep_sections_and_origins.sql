ALTER TABLE "chunks" ADD COLUMN "section_start_offset" integer;--> statement-breakpoint
ALTER TABLE "chunks" ADD COLUMN "section_end_offset" integer;--> statement-breakpoint
UPDATE "chunks" SET "section_start_offset" = "start_offset", "section_end_offset" = "end_offset";--> statement-breakpoint
ALTER TABLE "chunks" ALTER COLUMN "section_start_offset" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "chunks" ALTER COLUMN "section_end_offset" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "document_versions" ADD COLUMN "image_pages" integer[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "document_versions" ADD COLUMN "left_out" jsonb DEFAULT '[]'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "document_versions" ADD COLUMN "fetched_url" text;--> statement-breakpoint
ALTER TABLE "document_versions" ADD COLUMN "fetched_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "documents" ADD COLUMN "source_url" text;--> statement-breakpoint
ALTER TABLE "index_configs" ADD COLUMN "splitter_version" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
CREATE INDEX "documents_source_url_index" ON "documents" USING btree ("workspace_id","source_url");