CREATE TABLE "archive_entries" (
	"workspace_id" uuid NOT NULL,
	"archive_id" uuid NOT NULL,
	"ordinal" integer NOT NULL,
	"name" text NOT NULL,
	"outcome" text NOT NULL,
	"document_id" uuid,
	"error_code" text,
	"error_message" text,
	CONSTRAINT "archive_entries_archive_id_ordinal_pk" PRIMARY KEY("archive_id","ordinal")
);
--> statement-breakpoint
CREATE TABLE "archives" (
	"id" uuid PRIMARY KEY NOT NULL,
	"workspace_id" uuid NOT NULL,
	"file_name" text NOT NULL,
	"blob_sha256" text NOT NULL,
	"size_bytes" bigint NOT NULL,
	"created_by" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"unpacked_at" timestamp with time zone,
	CONSTRAINT "archives_tenant_key" UNIQUE("workspace_id","id")
);
--> statement-breakpoint
ALTER TABLE "document_versions" ADD COLUMN "file_name" text;--> statement-breakpoint
UPDATE "document_versions" SET "file_name" = "documents"."file_name" FROM "documents" WHERE "documents"."id" = "document_versions"."document_id";--> statement-breakpoint
ALTER TABLE "document_versions" ALTER COLUMN "file_name" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "documents" ADD COLUMN "tags" text[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "documents" ADD COLUMN "priority" text DEFAULT 'normal' NOT NULL;--> statement-breakpoint
ALTER TABLE "documents" ADD COLUMN "superseded_by_id" uuid;--> statement-breakpoint
ALTER TABLE "archive_entries" ADD CONSTRAINT "archive_entries_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "archive_entries" ADD CONSTRAINT "archive_entries_workspace_id_archive_id_archives_workspace_id_id_fk" FOREIGN KEY ("workspace_id","archive_id") REFERENCES "public"."archives"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "archives" ADD CONSTRAINT "archives_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "archives_list_index" ON "archives" USING btree ("workspace_id","created_at");--> statement-breakpoint
CREATE INDEX "archives_blob_index" ON "archives" USING btree ("blob_sha256");--> statement-breakpoint
ALTER TABLE "documents" ADD CONSTRAINT "documents_workspace_id_superseded_by_id_documents_workspace_id_id_fk" FOREIGN KEY ("workspace_id","superseded_by_id") REFERENCES "public"."documents"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "documents_superseded_by_index" ON "documents" USING btree ("workspace_id","superseded_by_id");--> statement-breakpoint
ALTER TABLE "documents" ADD CONSTRAINT "documents_not_own_successor" CHECK ("documents"."superseded_by_id" <> "documents"."id");