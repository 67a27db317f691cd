CREATE TABLE "data_set_imports" (
	"id" uuid PRIMARY KEY NOT NULL,
	"workspace_id" uuid NOT NULL,
	"data_set_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"title" text NOT NULL,
	"settings" jsonb NOT NULL,
	"upload_sha256" text,
	"report" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"problems" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"position" integer DEFAULT 0 NOT NULL,
	"created_by" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "data_set_imports_tenant_key" UNIQUE("workspace_id","id")
);
--> statement-breakpoint
CREATE TABLE "data_set_reviews" (
	"id" uuid PRIMARY KEY NOT NULL,
	"workspace_id" uuid NOT NULL,
	"data_set_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"action" text NOT NULL,
	"before" jsonb NOT NULL,
	"undone_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "data_set_reviews_tenant_key" UNIQUE("workspace_id","id")
);
--> statement-breakpoint
CREATE TABLE "data_set_rows" (
	"id" uuid PRIMARY KEY NOT NULL,
	"workspace_id" uuid NOT NULL,
	"data_set_id" uuid NOT NULL,
	"import_id" uuid NOT NULL,
	"messages" jsonb NOT NULL,
	"content_sha256" text NOT NULL,
	"state" text NOT NULL,
	"findings" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"intent" text DEFAULT '' NOT NULL,
	"cluster_id" uuid,
	"token_count" integer,
	"is_edited" boolean DEFAULT false NOT NULL,
	"document_id" uuid,
	"document_version_id" uuid,
	"page_number" integer,
	"quote" text,
	"conversation_id" uuid,
	"message_id" uuid,
	"upload_line" integer,
	"reviewed_by" uuid,
	"reviewed_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "data_set_rows_tenant_key" UNIQUE("workspace_id","id")
);
--> statement-breakpoint
CREATE TABLE "data_set_version_rows" (
	"workspace_id" uuid NOT NULL,
	"version_id" uuid NOT NULL,
	"split" text NOT NULL,
	"line" integer NOT NULL,
	"row_id" uuid NOT NULL,
	"content_sha256" text NOT NULL,
	"group_key" text NOT NULL,
	"intent" text NOT NULL,
	"import_id" uuid NOT NULL,
	"document_id" uuid,
	"document_version_id" uuid,
	"page_number" integer,
	"quote" text,
	"conversation_id" uuid,
	"message_id" uuid,
	"upload_line" integer,
	CONSTRAINT "data_set_version_rows_version_id_split_line_pk" PRIMARY KEY("version_id","split","line")
);
--> statement-breakpoint
CREATE TABLE "data_set_versions" (
	"id" uuid PRIMARY KEY NOT NULL,
	"workspace_id" uuid NOT NULL,
	"data_set_id" uuid NOT NULL,
	"ordinal" integer NOT NULL,
	"sha256" text NOT NULL,
	"train_sha256" text NOT NULL,
	"validation_sha256" text NOT NULL,
	"held_out_sha256" text NOT NULL,
	"train_rows" integer NOT NULL,
	"validation_rows" integer NOT NULL,
	"held_out_rows" integer NOT NULL,
	"settings" jsonb NOT NULL,
	"notes" text DEFAULT '' NOT NULL,
	"created_by" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "data_set_versions_tenant_key" UNIQUE("workspace_id","id")
);
--> statement-breakpoint
CREATE TABLE "data_sets" (
	"id" uuid PRIMARY KEY NOT NULL,
	"workspace_id" uuid NOT NULL,
	"name" text NOT NULL,
	"language" text NOT NULL,
	"max_row_tokens" integer NOT NULL,
	"style_sheet" jsonb,
	"created_by" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"deleted_at" timestamp with time zone,
	CONSTRAINT "data_sets_tenant_key" UNIQUE("workspace_id","id")
);
--> statement-breakpoint
ALTER TABLE "workspaces" ADD COLUMN "learns_from_conversations" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "data_set_imports" ADD CONSTRAINT "data_set_imports_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "data_set_imports" ADD CONSTRAINT "data_set_imports_workspace_id_data_set_id_data_sets_workspace_id_id_fk" FOREIGN KEY ("workspace_id","data_set_id") REFERENCES "public"."data_sets"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "data_set_reviews" ADD CONSTRAINT "data_set_reviews_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "data_set_reviews" ADD CONSTRAINT "data_set_reviews_workspace_id_data_set_id_data_sets_workspace_id_id_fk" FOREIGN KEY ("workspace_id","data_set_id") REFERENCES "public"."data_sets"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "data_set_rows" ADD CONSTRAINT "data_set_rows_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "data_set_rows" ADD CONSTRAINT "data_set_rows_workspace_id_data_set_id_data_sets_workspace_id_id_fk" FOREIGN KEY ("workspace_id","data_set_id") REFERENCES "public"."data_sets"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "data_set_rows" ADD CONSTRAINT "data_set_rows_workspace_id_import_id_data_set_imports_workspace_id_id_fk" FOREIGN KEY ("workspace_id","import_id") REFERENCES "public"."data_set_imports"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "data_set_version_rows" ADD CONSTRAINT "data_set_version_rows_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "data_set_version_rows" ADD CONSTRAINT "data_set_version_rows_workspace_id_version_id_data_set_versions_workspace_id_id_fk" FOREIGN KEY ("workspace_id","version_id") REFERENCES "public"."data_set_versions"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "data_set_versions" ADD CONSTRAINT "data_set_versions_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "data_set_versions" ADD CONSTRAINT "data_set_versions_workspace_id_data_set_id_data_sets_workspace_id_id_fk" FOREIGN KEY ("workspace_id","data_set_id") REFERENCES "public"."data_sets"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "data_sets" ADD CONSTRAINT "data_sets_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "data_set_imports_list_index" ON "data_set_imports" USING btree ("workspace_id","data_set_id","created_at");--> statement-breakpoint
CREATE INDEX "data_set_reviews_list_index" ON "data_set_reviews" USING btree ("workspace_id","data_set_id","created_at");--> statement-breakpoint
CREATE INDEX "data_set_rows_list_index" ON "data_set_rows" USING btree ("workspace_id","data_set_id","id");--> statement-breakpoint
CREATE INDEX "data_set_rows_document_index" ON "data_set_rows" USING btree ("workspace_id","document_id");--> statement-breakpoint
CREATE INDEX "data_set_rows_conversation_index" ON "data_set_rows" USING btree ("workspace_id","conversation_id");--> statement-breakpoint
CREATE INDEX "data_set_rows_import_index" ON "data_set_rows" USING btree ("import_id");--> statement-breakpoint
CREATE INDEX "data_set_version_rows_row_index" ON "data_set_version_rows" USING btree ("version_id","row_id");--> statement-breakpoint
CREATE INDEX "data_set_version_rows_document_index" ON "data_set_version_rows" USING btree ("workspace_id","document_id");--> statement-breakpoint
CREATE INDEX "data_set_version_rows_conversation_index" ON "data_set_version_rows" USING btree ("workspace_id","conversation_id");--> statement-breakpoint
CREATE UNIQUE INDEX "data_set_versions_ordinal_unique" ON "data_set_versions" USING btree ("data_set_id","ordinal");--> statement-breakpoint
CREATE INDEX "data_set_versions_list_index" ON "data_set_versions" USING btree ("workspace_id","created_at");--> statement-breakpoint
CREATE UNIQUE INDEX "data_sets_name_unique" ON "data_sets" USING btree ("workspace_id","name") WHERE "data_sets"."deleted_at" is null;--> statement-breakpoint
CREATE FUNCTION refuse_data_set_version_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a frozen data set version is never changed';
END
$$;
--> statement-breakpoint
CREATE TRIGGER data_set_versions_frozen BEFORE UPDATE ON "data_set_versions" FOR EACH ROW EXECUTE FUNCTION refuse_data_set_version_update();
--> statement-breakpoint
CREATE TRIGGER data_set_version_rows_frozen BEFORE UPDATE ON "data_set_version_rows" FOR EACH ROW EXECUTE FUNCTION refuse_data_set_version_update();
