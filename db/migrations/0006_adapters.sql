CREATE TABLE "adapter_versions" (
	"id" uuid PRIMARY KEY NOT NULL,
	"workspace_id" uuid NOT NULL,
	"adapter_id" uuid NOT NULL,
	"number" integer NOT NULL,
	"sha256" text NOT NULL,
	"size_bytes" bigint NOT NULL,
	"base_sha256" text NOT NULL,
	"base_model" text NOT NULL,
	"template_sha256" text,
	"config" jsonb NOT NULL,
	"origin" text NOT NULL,
	"lineage" jsonb NOT NULL,
	"metrics" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"notes" text DEFAULT '' NOT NULL,
	"created_by" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"deleted_at" timestamp with time zone,
	CONSTRAINT "adapter_versions_tenant_key" UNIQUE("workspace_id","id")
);
--> statement-breakpoint
CREATE TABLE "adapters" (
	"id" uuid PRIMARY KEY NOT NULL,
	"workspace_id" uuid NOT NULL,
	"name" text NOT NULL,
	"created_by" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"deleted_at" timestamp with time zone,
	CONSTRAINT "adapters_tenant_key" UNIQUE("workspace_id","id")
);
--> statement-breakpoint
CREATE TABLE "champion_events" (
	"id" uuid PRIMARY KEY NOT NULL,
	"sequence" bigint GENERATED ALWAYS AS IDENTITY (sequence name "champion_events_sequence_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"workspace_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"from_version_id" uuid,
	"to_version_id" uuid,
	"reason" text NOT NULL,
	"actor_kind" text NOT NULL,
	"actor_id" text,
	"decision_id" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "champion_events_tenant_key" UNIQUE("workspace_id","id")
);
--> statement-breakpoint
CREATE TABLE "champions" (
	"workspace_id" uuid PRIMARY KEY NOT NULL,
	"version_id" uuid,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "playground_votes" (
	"id" uuid PRIMARY KEY NOT NULL,
	"workspace_id" uuid NOT NULL,
	"question" text NOT NULL,
	"used_retrieval" boolean NOT NULL,
	"answers" jsonb NOT NULL,
	"preferred" integer,
	"created_by" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "playground_votes_tenant_key" UNIQUE("workspace_id","id")
);
--> statement-breakpoint
ALTER TABLE "adapter_versions" ADD CONSTRAINT "adapter_versions_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "adapter_versions" ADD CONSTRAINT "adapter_versions_workspace_id_adapter_id_adapters_workspace_id_id_fk" FOREIGN KEY ("workspace_id","adapter_id") REFERENCES "public"."adapters"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "adapters" ADD CONSTRAINT "adapters_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "champion_events" ADD CONSTRAINT "champion_events_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "champion_events" ADD CONSTRAINT "champion_events_workspace_id_from_version_id_adapter_versions_workspace_id_id_fk" FOREIGN KEY ("workspace_id","from_version_id") REFERENCES "public"."adapter_versions"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "champion_events" ADD CONSTRAINT "champion_events_workspace_id_to_version_id_adapter_versions_workspace_id_id_fk" FOREIGN KEY ("workspace_id","to_version_id") REFERENCES "public"."adapter_versions"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "champions" ADD CONSTRAINT "champions_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "champions" ADD CONSTRAINT "champions_workspace_id_version_id_adapter_versions_workspace_id_id_fk" FOREIGN KEY ("workspace_id","version_id") REFERENCES "public"."adapter_versions"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "playground_votes" ADD CONSTRAINT "playground_votes_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "adapter_versions_number_unique" ON "adapter_versions" USING btree ("adapter_id","number");--> statement-breakpoint
CREATE UNIQUE INDEX "adapter_versions_sha256_unique" ON "adapter_versions" USING btree ("workspace_id","sha256") WHERE "adapter_versions"."deleted_at" is null;--> statement-breakpoint
CREATE UNIQUE INDEX "adapters_name_unique" ON "adapters" USING btree ("workspace_id",lower("name")) WHERE "adapters"."deleted_at" is null;--> statement-breakpoint
CREATE INDEX "champion_events_list_index" ON "champion_events" USING btree ("workspace_id","sequence");--> statement-breakpoint
CREATE INDEX "playground_votes_list_index" ON "playground_votes" USING btree ("workspace_id","created_at");--> statement-breakpoint
CREATE FUNCTION "refuse_history_change"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- History goes with its workspace: the row of the workspace is gone before the cascade comes here.
  IF TG_OP = 'DELETE' THEN
    IF NOT EXISTS (SELECT 1 FROM "workspaces" WHERE "id" = OLD."workspace_id") THEN
      RETURN OLD;
    END IF;
  END IF;
  RAISE EXCEPTION '% is append only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$;--> statement-breakpoint
CREATE TRIGGER "champion_events_append_only" BEFORE UPDATE OR DELETE ON "champion_events" FOR EACH ROW EXECUTE FUNCTION "refuse_history_change"();--> statement-breakpoint
CREATE TRIGGER "champion_events_no_truncate" BEFORE TRUNCATE ON "champion_events" FOR EACH STATEMENT EXECUTE FUNCTION "refuse_history_change"();
