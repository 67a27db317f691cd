-- A term's rows lie on as many pages as there are batches, one read for each; in the index they are neighbours.
ALTER TABLE "term_postings" DROP CONSTRAINT "term_postings_index_config_id_term_batch_id_pk";--> statement-breakpoint
ALTER TABLE "term_postings" ADD CONSTRAINT "term_postings_index_config_id_term_batch_id_pk" PRIMARY KEY ("index_config_id", "term", "batch_id") INCLUDE ("postings");
