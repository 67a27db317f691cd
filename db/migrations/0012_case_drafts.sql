CREATE TABLE "case_draft_sets" (
	"id" uuid PRIMARY KEY NOT NULL,
	"workspace_id" uuid NOT NULL,
	"suite_id" uuid,
	"suite_name" text NOT NULL,
	"settings" jsonb NOT NULL,
	"report" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"position" integer DEFAULT 0 NOT NULL,
	"created_by" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "case_draft_sets_tenant_key" UNIQUE("workspace_id","id")
);
--> statement-breakpoint
CREATE TABLE "case_drafts" (
	"id" uuid PRIMARY KEY NOT NULL,
	"workspace_id" uuid NOT NULL,
	"draft_set_id" uuid NOT NULL,
	"ordinal" integer NOT NULL,
	"content" jsonb NOT NULL,
	"doubt" text,
	"state" text DEFAULT 'open' NOT NULL,
	"reviewed_by" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "case_drafts_tenant_key" UNIQUE("workspace_id","id")
);
--> statement-breakpoint
ALTER TABLE "case_draft_sets" ADD CONSTRAINT "case_draft_sets_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "case_draft_sets" ADD CONSTRAINT "case_draft_sets_workspace_id_suite_id_eval_suites_workspace_id_id_fk" FOREIGN KEY ("workspace_id","suite_id") REFERENCES "public"."eval_suites"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "case_drafts" ADD CONSTRAINT "case_drafts_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "case_drafts" ADD CONSTRAINT "case_drafts_workspace_id_draft_set_id_case_draft_sets_workspace_id_id_fk" FOREIGN KEY ("workspace_id","draft_set_id") REFERENCES "public"."case_draft_sets"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "case_draft_sets_list_index" ON "case_draft_sets" USING btree ("workspace_id","created_at");--> statement-breakpoint
CREATE UNIQUE INDEX "case_drafts_once" ON "case_drafts" USING btree ("draft_set_id","ordinal");