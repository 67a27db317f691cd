CREATE TABLE "training_log" (
	"id" uuid PRIMARY KEY NOT NULL,
	"sequence" bigint GENERATED ALWAYS AS IDENTITY (sequence name "training_log_sequence_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"workspace_id" uuid NOT NULL,
	"training_run_id" uuid NOT NULL,
	"level" text NOT NULL,
	"message" text NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "training_points" (
	"workspace_id" uuid NOT NULL,
	"training_run_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"step" integer NOT NULL,
	"loss" real NOT NULL,
	"learning_rate" real,
	"gradient_norm" real,
	"tokens_per_second" real,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "training_points_training_run_id_kind_step_pk" PRIMARY KEY("training_run_id","kind","step")
);
--> statement-breakpoint
CREATE TABLE "training_runs" (
	"id" uuid PRIMARY KEY NOT NULL,
	"workspace_id" uuid NOT NULL,
	"run_id" uuid NOT NULL,
	"adapter_name" text NOT NULL,
	"notes" text DEFAULT '' NOT NULL,
	"data_set_version_id" uuid NOT NULL,
	"base_model" text NOT NULL,
	"base_sha256" text NOT NULL,
	"preset" text NOT NULL,
	"config" jsonb NOT NULL,
	"threads" integer NOT NULL,
	"questions" text[] NOT NULL,
	"forecast" jsonb,
	"plan" jsonb,
	"outcome" jsonb,
	"artifact_sha256" text,
	"result_version_id" uuid,
	"created_by" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "training_runs_tenant_key" UNIQUE("workspace_id","id"),
	CONSTRAINT "training_runs_run_key" UNIQUE("run_id")
);
--> statement-breakpoint
CREATE TABLE "training_samples" (
	"workspace_id" uuid NOT NULL,
	"training_run_id" uuid NOT NULL,
	"step" integer NOT NULL,
	"question" integer NOT NULL,
	"answer" text NOT NULL,
	"finish_reason" text NOT NULL,
	"adapter_sha256" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "training_samples_training_run_id_step_question_pk" PRIMARY KEY("training_run_id","step","question")
);
--> statement-breakpoint
ALTER TABLE "training_log" ADD CONSTRAINT "training_log_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "training_log" ADD CONSTRAINT "training_log_workspace_id_training_run_id_training_runs_workspace_id_id_fk" FOREIGN KEY ("workspace_id","training_run_id") REFERENCES "public"."training_runs"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "training_points" ADD CONSTRAINT "training_points_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "training_points" ADD CONSTRAINT "training_points_workspace_id_training_run_id_training_runs_workspace_id_id_fk" FOREIGN KEY ("workspace_id","training_run_id") REFERENCES "public"."training_runs"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "training_runs" ADD CONSTRAINT "training_runs_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "training_runs" ADD CONSTRAINT "training_runs_workspace_id_run_id_runs_workspace_id_id_fk" FOREIGN KEY ("workspace_id","run_id") REFERENCES "public"."runs"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "training_samples" ADD CONSTRAINT "training_samples_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "training_samples" ADD CONSTRAINT "training_samples_workspace_id_training_run_id_training_runs_workspace_id_id_fk" FOREIGN KEY ("workspace_id","training_run_id") REFERENCES "public"."training_runs"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "training_log_run_index" ON "training_log" USING btree ("training_run_id","sequence");--> statement-breakpoint
CREATE INDEX "training_runs_list_index" ON "training_runs" USING btree ("workspace_id","created_at");--> statement-breakpoint
CREATE INDEX "training_runs_data_index" ON "training_runs" USING btree ("workspace_id","data_set_version_id");