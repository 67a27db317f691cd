-- What is indexed keeps its postings: one batch for each version and configuration.
CREATE TEMPORARY TABLE "entered_chunks" ON COMMIT DROP AS
SELECT "id", "workspace_id", "index_config_id", "version_id", "ordinal", "term_count",
	first_value("id") OVER "version" AS "batch_id",
	"ordinal" - first_value("ordinal") OVER "version" AS "position"
FROM "chunks" WHERE "term_count" > 0
WINDOW "version" AS (PARTITION BY "version_id", "index_config_id" ORDER BY "ordinal");--> statement-breakpoint
INSERT INTO "term_batches" ("first_chunk_id", "workspace_id", "index_config_id", "version_id", "first_ordinal", "chunk_count", "term_count")
SELECT "batch_id", "workspace_id", "index_config_id", "version_id", min("ordinal"), count(*), sum("term_count")
FROM "entered_chunks" GROUP BY "batch_id", "workspace_id", "index_config_id", "version_id";--> statement-breakpoint
INSERT INTO "term_postings" ("workspace_id", "index_config_id", "term", "batch_id", "postings")
SELECT e."workspace_id", e."index_config_id", t."term", e."batch_id",
	array_agg((e."position"::bigint << 32) | (least(t."frequency", 65535)::bigint << 16) | least(e."term_count", 65535) ORDER BY e."position")
FROM "chunk_terms" t JOIN "entered_chunks" e ON e."id" = t."chunk_id"
GROUP BY e."workspace_id", e."index_config_id", t."term", e."batch_id";--> statement-breakpoint
DROP TABLE "entered_chunks";--> statement-breakpoint
DROP TABLE "chunk_terms" CASCADE;
