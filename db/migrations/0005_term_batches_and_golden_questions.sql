CREATE TABLE "term_batches" (
	"first_chunk_id" uuid PRIMARY KEY NOT NULL,
	"workspace_id" uuid NOT NULL,
	"index_config_id" uuid NOT NULL,
	"version_id" uuid NOT NULL,
	"first_ordinal" integer NOT NULL,
	"chunk_count" integer NOT NULL,
	"term_count" integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE "term_postings" (
	"workspace_id" uuid NOT NULL,
	"index_config_id" uuid NOT NULL,
	"term" text NOT NULL,
	"batch_id" uuid NOT NULL,
	"postings" bigint[] NOT NULL,
	CONSTRAINT "term_postings_index_config_id_term_batch_id_pk" PRIMARY KEY("index_config_id","term","batch_id")
);
--> statement-breakpoint
CREATE TABLE "golden_passages" (
	"id" uuid PRIMARY KEY NOT NULL,
	"workspace_id" uuid NOT NULL,
	"question_id" uuid NOT NULL,
	"document_id" uuid NOT NULL,
	"version_id" uuid NOT NULL,
	"page_number" integer NOT NULL,
	"start_offset" integer NOT NULL,
	"end_offset" integer NOT NULL,
	"text" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "golden_questions" (
	"id" uuid PRIMARY KEY NOT NULL,
	"workspace_id" uuid NOT NULL,
	"question" text NOT NULL,
	"kind" text NOT NULL,
	"created_by" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "golden_questions_tenant_key" UNIQUE("workspace_id","id")
);
--> statement-breakpoint
CREATE TABLE "retrieval_evaluations" (
	"id" uuid PRIMARY KEY NOT NULL,
	"workspace_id" uuid NOT NULL,
	"run_id" uuid NOT NULL,
	"answer_config_id" uuid NOT NULL,
	"index_config_id" uuid,
	"embedding_model" text NOT NULL,
	"report" jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "retrieval_evaluations_run_id_unique" UNIQUE("run_id")
);
--> statement-breakpoint
ALTER TABLE "term_batches" ADD CONSTRAINT "term_batches_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "term_batches" ADD CONSTRAINT "term_batches_workspace_id_first_chunk_id_chunks_workspace_id_id_fk" FOREIGN KEY ("workspace_id","first_chunk_id") REFERENCES "public"."chunks"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "term_postings" ADD CONSTRAINT "term_postings_batch_id_term_batches_first_chunk_id_fk" FOREIGN KEY ("batch_id") REFERENCES "public"."term_batches"("first_chunk_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "golden_passages" ADD CONSTRAINT "golden_passages_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "golden_passages" ADD CONSTRAINT "golden_passages_workspace_id_question_id_golden_questions_workspace_id_id_fk" FOREIGN KEY ("workspace_id","question_id") REFERENCES "public"."golden_questions"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "golden_passages" ADD CONSTRAINT "golden_passages_workspace_id_document_id_documents_workspace_id_id_fk" FOREIGN KEY ("workspace_id","document_id") REFERENCES "public"."documents"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "golden_questions" ADD CONSTRAINT "golden_questions_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "retrieval_evaluations" ADD CONSTRAINT "retrieval_evaluations_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "retrieval_evaluations" ADD CONSTRAINT "retrieval_evaluations_workspace_id_run_id_runs_workspace_id_id_fk" FOREIGN KEY ("workspace_id","run_id") REFERENCES "public"."runs"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "retrieval_evaluations" ADD CONSTRAINT "retrieval_evaluations_workspace_id_answer_config_id_answer_configs_workspace_id_id_fk" FOREIGN KEY ("workspace_id","answer_config_id") REFERENCES "public"."answer_configs"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "term_batches_search_index" ON "term_batches" USING btree ("workspace_id","index_config_id");--> statement-breakpoint
CREATE INDEX "term_postings_batch_index" ON "term_postings" USING btree ("batch_id");--> statement-breakpoint
CREATE UNIQUE INDEX "golden_passages_place_unique" ON "golden_passages" USING btree ("question_id","version_id","page_number","start_offset");--> statement-breakpoint
CREATE UNIQUE INDEX "golden_questions_question_unique" ON "golden_questions" USING btree ("workspace_id","question");--> statement-breakpoint
CREATE INDEX "retrieval_evaluations_list_index" ON "retrieval_evaluations" USING btree ("workspace_id","created_at");