CREATE TABLE "case_results" (
	"id" uuid PRIMARY KEY NOT NULL,
	"workspace_id" uuid NOT NULL,
	"evaluation_run_id" uuid NOT NULL,
	"test_case_id" uuid NOT NULL,
	"side" text NOT NULL,
	"leg" text NOT NULL,
	"repeat" integer NOT NULL,
	"answer_key" text NOT NULL,
	"state" text NOT NULL,
	"answer" jsonb,
	"assertions" jsonb NOT NULL,
	"is_passed" boolean NOT NULL,
	"score" real,
	"latency_ms" real,
	"error_code" text,
	"error_message" text,
	"is_cached" boolean DEFAULT false NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "eval_suites" (
	"id" uuid PRIMARY KEY NOT NULL,
	"workspace_id" uuid NOT NULL,
	"name" text NOT NULL,
	"description" text DEFAULT '' NOT NULL,
	"created_by" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"archived_at" timestamp with time zone,
	CONSTRAINT "eval_suites_tenant_key" UNIQUE("workspace_id","id")
);
--> statement-breakpoint
CREATE TABLE "evaluation_run_suites" (
	"workspace_id" uuid NOT NULL,
	"evaluation_run_id" uuid NOT NULL,
	"revision_id" uuid NOT NULL,
	CONSTRAINT "evaluation_run_suites_evaluation_run_id_revision_id_pk" PRIMARY KEY("evaluation_run_id","revision_id")
);
--> statement-breakpoint
CREATE TABLE "evaluation_runs" (
	"id" uuid PRIMARY KEY NOT NULL,
	"workspace_id" uuid NOT NULL,
	"run_id" uuid NOT NULL,
	"version_id" uuid,
	"adapter_sha256" text,
	"champion_version_id" uuid,
	"champion_sha256" text,
	"answer_config_id" uuid NOT NULL,
	"settings" jsonb NOT NULL,
	"pinned" jsonb,
	"created_by" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "evaluation_runs_tenant_key" UNIQUE("workspace_id","id"),
	CONSTRAINT "evaluation_runs_run_key" UNIQUE("run_id")
);
--> statement-breakpoint
CREATE TABLE "gate_decisions" (
	"id" uuid PRIMARY KEY NOT NULL,
	"workspace_id" uuid NOT NULL,
	"evaluation_run_id" uuid NOT NULL,
	"policy_id" uuid NOT NULL,
	"version_id" uuid NOT NULL,
	"adapter_sha256" text NOT NULL,
	"champion_version_id" uuid,
	"champion_sha256" text,
	"verdict" text NOT NULL,
	"details" jsonb NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"created_by" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "gate_decisions_tenant_key" UNIQUE("workspace_id","id")
);
--> statement-breakpoint
CREATE TABLE "gate_policies" (
	"id" uuid PRIMARY KEY NOT NULL,
	"workspace_id" uuid NOT NULL,
	"number" integer NOT NULL,
	"settings" jsonb NOT NULL,
	"note" text DEFAULT '' NOT NULL,
	"created_by" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "gate_policies_tenant_key" UNIQUE("workspace_id","id")
);
--> statement-breakpoint
CREATE TABLE "suite_revisions" (
	"id" uuid PRIMARY KEY NOT NULL,
	"workspace_id" uuid NOT NULL,
	"suite_id" uuid NOT NULL,
	"number" integer NOT NULL,
	"content_sha256" text NOT NULL,
	"note" text DEFAULT '' NOT NULL,
	"created_by" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "suite_revisions_tenant_key" UNIQUE("workspace_id","id")
);
--> statement-breakpoint
CREATE TABLE "test_cases" (
	"id" uuid PRIMARY KEY NOT NULL,
	"workspace_id" uuid NOT NULL,
	"revision_id" uuid NOT NULL,
	"key" text NOT NULL,
	"ordinal" integer NOT NULL,
	"content" jsonb NOT NULL,
	"content_sha256" text NOT NULL,
	CONSTRAINT "test_cases_tenant_key" UNIQUE("workspace_id","id")
);
--> statement-breakpoint
ALTER TABLE "case_results" ADD CONSTRAINT "case_results_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "case_results" ADD CONSTRAINT "case_results_workspace_id_evaluation_run_id_evaluation_runs_workspace_id_id_fk" FOREIGN KEY ("workspace_id","evaluation_run_id") REFERENCES "public"."evaluation_runs"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "case_results" ADD CONSTRAINT "case_results_workspace_id_test_case_id_test_cases_workspace_id_id_fk" FOREIGN KEY ("workspace_id","test_case_id") REFERENCES "public"."test_cases"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "eval_suites" ADD CONSTRAINT "eval_suites_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "evaluation_run_suites" ADD CONSTRAINT "evaluation_run_suites_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "evaluation_run_suites" ADD CONSTRAINT "evaluation_run_suites_workspace_id_evaluation_run_id_evaluation_runs_workspace_id_id_fk" FOREIGN KEY ("workspace_id","evaluation_run_id") REFERENCES "public"."evaluation_runs"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "evaluation_run_suites" ADD CONSTRAINT "evaluation_run_suites_workspace_id_revision_id_suite_revisions_workspace_id_id_fk" FOREIGN KEY ("workspace_id","revision_id") REFERENCES "public"."suite_revisions"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "evaluation_runs" ADD CONSTRAINT "evaluation_runs_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "evaluation_runs" ADD CONSTRAINT "evaluation_runs_workspace_id_run_id_runs_workspace_id_id_fk" FOREIGN KEY ("workspace_id","run_id") REFERENCES "public"."runs"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "evaluation_runs" ADD CONSTRAINT "evaluation_runs_workspace_id_version_id_adapter_versions_workspace_id_id_fk" FOREIGN KEY ("workspace_id","version_id") REFERENCES "public"."adapter_versions"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "evaluation_runs" ADD CONSTRAINT "evaluation_runs_workspace_id_champion_version_id_adapter_versions_workspace_id_id_fk" FOREIGN KEY ("workspace_id","champion_version_id") REFERENCES "public"."adapter_versions"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "evaluation_runs" ADD CONSTRAINT "evaluation_runs_workspace_id_answer_config_id_answer_configs_workspace_id_id_fk" FOREIGN KEY ("workspace_id","answer_config_id") REFERENCES "public"."answer_configs"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "gate_decisions" ADD CONSTRAINT "gate_decisions_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "gate_decisions" ADD CONSTRAINT "gate_decisions_workspace_id_evaluation_run_id_evaluation_runs_workspace_id_id_fk" FOREIGN KEY ("workspace_id","evaluation_run_id") REFERENCES "public"."evaluation_runs"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "gate_decisions" ADD CONSTRAINT "gate_decisions_workspace_id_policy_id_gate_policies_workspace_id_id_fk" FOREIGN KEY ("workspace_id","policy_id") REFERENCES "public"."gate_policies"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "gate_decisions" ADD CONSTRAINT "gate_decisions_workspace_id_version_id_adapter_versions_workspace_id_id_fk" FOREIGN KEY ("workspace_id","version_id") REFERENCES "public"."adapter_versions"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "gate_policies" ADD CONSTRAINT "gate_policies_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "suite_revisions" ADD CONSTRAINT "suite_revisions_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "suite_revisions" ADD CONSTRAINT "suite_revisions_workspace_id_suite_id_eval_suites_workspace_id_id_fk" FOREIGN KEY ("workspace_id","suite_id") REFERENCES "public"."eval_suites"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "test_cases" ADD CONSTRAINT "test_cases_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "test_cases" ADD CONSTRAINT "test_cases_workspace_id_revision_id_suite_revisions_workspace_id_id_fk" FOREIGN KEY ("workspace_id","revision_id") REFERENCES "public"."suite_revisions"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "case_results_once" ON "case_results" USING btree ("evaluation_run_id","test_case_id","side","leg","repeat");--> statement-breakpoint
CREATE INDEX "case_results_answer_index" ON "case_results" USING btree ("workspace_id","answer_key");--> statement-breakpoint
CREATE INDEX "case_results_case_index" ON "case_results" USING btree ("workspace_id","test_case_id");--> statement-breakpoint
CREATE UNIQUE INDEX "eval_suites_name_unique" ON "eval_suites" USING btree ("workspace_id",lower("name")) WHERE "eval_suites"."archived_at" is null;--> statement-breakpoint
CREATE INDEX "evaluation_runs_list_index" ON "evaluation_runs" USING btree ("workspace_id","created_at");--> statement-breakpoint
CREATE UNIQUE INDEX "gate_decisions_once" ON "gate_decisions" USING btree ("evaluation_run_id","policy_id");--> statement-breakpoint
CREATE INDEX "gate_decisions_list_index" ON "gate_decisions" USING btree ("workspace_id","created_at");--> statement-breakpoint
CREATE UNIQUE INDEX "gate_policies_number_unique" ON "gate_policies" USING btree ("workspace_id","number");--> statement-breakpoint
CREATE UNIQUE INDEX "suite_revisions_number_unique" ON "suite_revisions" USING btree ("suite_id","number");--> statement-breakpoint
CREATE UNIQUE INDEX "test_cases_key_unique" ON "test_cases" USING btree ("revision_id","key");--> statement-breakpoint
CREATE INDEX "test_cases_history_index" ON "test_cases" USING btree ("workspace_id","key");--> statement-breakpoint
CREATE TRIGGER "suite_revisions_append_only" BEFORE UPDATE OR DELETE ON "suite_revisions" FOR EACH ROW EXECUTE FUNCTION "refuse_history_change"();--> statement-breakpoint
CREATE TRIGGER "test_cases_append_only" BEFORE UPDATE OR DELETE ON "test_cases" FOR EACH ROW EXECUTE FUNCTION "refuse_history_change"();--> statement-breakpoint
CREATE TRIGGER "evaluation_run_suites_append_only" BEFORE UPDATE OR DELETE ON "evaluation_run_suites" FOR EACH ROW EXECUTE FUNCTION "refuse_history_change"();--> statement-breakpoint
CREATE TRIGGER "gate_policies_append_only" BEFORE UPDATE OR DELETE ON "gate_policies" FOR EACH ROW EXECUTE FUNCTION "refuse_history_change"();--> statement-breakpoint
CREATE TRIGGER "gate_decisions_append_only" BEFORE UPDATE OR DELETE ON "gate_decisions" FOR EACH ROW EXECUTE FUNCTION "refuse_history_change"();--> statement-breakpoint
-- What one event says must follow from what the one before left, and must be allowed. lib/registry/promote.ts checks the same
-- and says it in words; this holds whatever else writes to the table.
CREATE FUNCTION "check_champion_event"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  "serving" uuid;
BEGIN
  SELECT "to_version_id" INTO "serving" FROM "champion_events"
    WHERE "workspace_id" = NEW."workspace_id" ORDER BY "sequence" DESC LIMIT 1;
  IF NEW."from_version_id" IS DISTINCT FROM "serving" THEN
    RAISE EXCEPTION 'champion.conflict: another version serves than this event moves away from' USING ERRCODE = 'check_violation';
  END IF;
  IF NEW."kind" = 'promote' THEN
    IF NOT EXISTS (
      SELECT 1 FROM "gate_decisions" "decision"
      JOIN "adapter_versions" "version"
        ON "version"."workspace_id" = "decision"."workspace_id" AND "version"."id" = "decision"."version_id"
      WHERE "decision"."id" = NEW."decision_id"
        AND "decision"."workspace_id" = NEW."workspace_id"
        AND "decision"."verdict" = 'pass'
        AND "decision"."expires_at" > now()
        AND "decision"."version_id" = NEW."to_version_id"
        AND "decision"."adapter_sha256" = "version"."sha256"
        AND "decision"."champion_version_id" IS NOT DISTINCT FROM NEW."from_version_id"
        AND NOT EXISTS (
          SELECT 1 FROM "gate_policies" "newer"
          JOIN "gate_policies" "used" ON "used"."id" = "decision"."policy_id"
          WHERE "newer"."workspace_id" = NEW."workspace_id" AND "newer"."number" > "used"."number"
        )
        AND NOT EXISTS (
          SELECT 1 FROM "evaluation_runs" "ran"
          JOIN "answer_configs" "active" ON "active"."workspace_id" = "ran"."workspace_id" AND "active"."is_active"
          WHERE "ran"."id" = "decision"."evaluation_run_id" AND "active"."id" <> "ran"."answer_config_id"
        )
        AND NOT EXISTS (
          SELECT 1 FROM "evaluation_run_suites" "asked"
          JOIN "suite_revisions" "revision" ON "revision"."id" = "asked"."revision_id"
          JOIN "eval_suites" "suite" ON "suite"."id" = "revision"."suite_id"
          WHERE "asked"."evaluation_run_id" = "decision"."evaluation_run_id"
            AND ("suite"."archived_at" IS NOT NULL OR EXISTS (
              SELECT 1 FROM "suite_revisions" "newer"
              WHERE "newer"."suite_id" = "revision"."suite_id" AND "newer"."number" > "revision"."number"
            ))
        )
    ) THEN
      RAISE EXCEPTION 'gate.not-passed: no passing, unexpired decision for this adapter against what serves, on the current suites, answer settings and policy' USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (
      SELECT 1 FROM "gate_decisions" "decision"
      JOIN "gate_policies" "policy" ON "policy"."id" = "decision"."policy_id"
      JOIN "adapter_versions" "version" ON "version"."id" = "decision"."version_id"
      WHERE "decision"."id" = NEW."decision_id"
        AND ("policy"."settings" ->> 'isFourEyesRequired')::boolean
        AND (NEW."actor_kind" <> 'user' OR "version"."created_by"::text = NEW."actor_id")
    ) THEN
      RAISE EXCEPTION 'gate.four-eyes: who made a version may not promote it' USING ERRCODE = 'check_violation';
    END IF;
  ELSIF NEW."decision_id" IS NOT NULL THEN
    RAISE EXCEPTION 'only a promotion rests on a decision' USING ERRCODE = 'check_violation';
  ELSIF NEW."kind" = 'override' THEN
    IF length(btrim(NEW."reason")) < 10 THEN
      RAISE EXCEPTION 'an override needs a written reason' USING ERRCODE = 'check_violation';
    END IF;
  ELSIF NEW."kind" = 'rollback' AND NEW."to_version_id" IS NOT NULL THEN
    IF NOT EXISTS (
      SELECT 1 FROM "champion_events"
      WHERE "workspace_id" = NEW."workspace_id" AND "to_version_id" = NEW."to_version_id"
    ) THEN
      RAISE EXCEPTION 'champion.never-served: a rollback goes to a former champion or to the base' USING ERRCODE = 'check_violation';
    END IF;
  END IF;
  RETURN NEW;
END
$$;--> statement-breakpoint
CREATE TRIGGER "champion_events_allowed" BEFORE INSERT ON "champion_events" FOR EACH ROW EXECUTE FUNCTION "check_champion_event"();--> statement-breakpoint
-- A champion that no event explains is refused when its transaction ends, so the two can be written in either order.
CREATE FUNCTION "check_champion_is_explained"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  "workspace" uuid := COALESCE(NEW."workspace_id", OLD."workspace_id");
  "serving" uuid;
  "explained" uuid;
BEGIN
  IF NOT EXISTS (SELECT 1 FROM "workspaces" WHERE "id" = "workspace") THEN
    RETURN NULL;
  END IF;
  SELECT "version_id" INTO "serving" FROM "champions" WHERE "workspace_id" = "workspace";
  SELECT "to_version_id" INTO "explained" FROM "champion_events"
    WHERE "workspace_id" = "workspace" ORDER BY "sequence" DESC LIMIT 1;
  IF "serving" IS DISTINCT FROM "explained" THEN
    RAISE EXCEPTION 'gate.not-passed: the champion moved without an event that allows it' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END
$$;--> statement-breakpoint
CREATE CONSTRAINT TRIGGER "champions_explained" AFTER INSERT OR UPDATE OR DELETE ON "champions" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION "check_champion_is_explained"();
