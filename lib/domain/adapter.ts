import { z } from 'zod';

/** What is known of an adapter version besides its bytes: the same shapes in the database, the use cases and the pages. */

/** How the bytes came about. */
export const adapterOrigins = ['trained', 'imported', 'blended', 'shipped'] as const;
export type AdapterOrigin = (typeof adapterOrigins)[number];

/** Read from the artifact, never from what somebody claims about it. */
export const adapterConfigSchema = z.object({
  architecture: z.string(),
  /** Smallest and largest rank of its layers; nearly always equal. */
  rank: z.object({ min: z.number().int().min(1), max: z.number().int().min(1) }),
  /** The update of a layer is alpha / rank · B·A. */
  alpha: z.number(),
  /** PEFT's names, e.g. `q_proj`. */
  targetModules: z.array(z.string()),
  /** Pairs of A and B. */
  adaptedLayers: z.number().int().min(1),
  parameters: z.number().int().min(1),
  /** Number types in the file, e.g. `F16`. */
  storedAs: z.array(z.string()),
});
export type AdapterConfig = z.infer<typeof adapterConfigSchema>;

/**
 * Everything that went into the bytes. Names are copied, so that they can still be read when what they named is deleted;
 * a blend repeats the documents and conversations of its parents.
 */
export const adapterLineageSchema = z.object({
  parents: z
    .array(
      z.object({
        /** Null: a version of another workspace or installation. */
        versionId: z.uuid().nullable(),
        sha256: z.string(),
        name: z.string(),
        /** Factor of its whole update in a blend; 1 for the adapter that training went on from. */
        weight: z.number(),
      }),
    )
    .default([]),
  dataSet: z.object({ versionId: z.uuid(), name: z.string(), sha256: z.string() }).nullable().default(null),
  trainingRunId: z.uuid().nullable().default(null),
  /** Options of the training run, or of the blend. */
  options: z.record(z.string(), z.unknown()).default({}),
  documents: z.array(z.object({ documentId: z.uuid(), title: z.string() })).default([]),
  conversationIds: z.array(z.uuid()).default([]),
  importedFrom: z
    .object({
      fileName: z.string(),
      format: z.enum(['gguf', 'peft']),
      sha256: z.string(),
      baseName: z.string().nullable(),
    })
    .nullable()
    .default(null),
});
export type AdapterLineage = z.infer<typeof adapterLineageSchema>;
/** With everything optional that has a default. */
export type AdapterLineageInput = z.input<typeof adapterLineageSchema>;

/** Measured numbers by name in kebab-case, e.g. `held-out-nll`, `held-out-nll-base`. */
export const adapterMetricsSchema = z.record(z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/), z.number());
export type AdapterMetrics = z.infer<typeof adapterMetricsSchema>;

/** How the champion of a workspace moved. */
export const championEventKinds = ['promote', 'override', 'rollback'] as const;
export type ChampionEventKind = (typeof championEventKinds)[number];

/** 64 hexadecimal digits. */
export const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits');
