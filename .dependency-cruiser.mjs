/**
 * The direction of dependencies, as a test: app → lib features → db/repositories → lib/domain (docs/decisions/0011).
 * Every `comment` is printed with a violation, so it says what to do instead.
 *
 * Parsed with @swc/core: the classic TypeScript API that dependency-cruiser otherwise asks for is not part of TypeScript 7.
 * Type-only imports count like any other: a type borrowed from a layer ties to that layer just the same.
 */

/** Tests, and the suites that contract tests run over each implementation. */
const TEST_FILE = '([.](test|spec)[.]tsx?|contract-suite[.]ts)$';

/** Importing one of these is talking SQL. */
const SQL_PACKAGES = '^node_modules/(pg|pg-pool|drizzle-orm|pgvector|@electric-sql)(/|$)';

/** Folders of lib that are the product's features; the rest of lib is ground that every feature may stand on. */
const FEATURES = [
  'models',
  'ingestion',
  'retrieval',
  'chat',
  'lora',
  'questions',
  'training',
  'evaluation',
  'registry',
];

/** The only imports from feature to feature. */
const FEATURE_ARROWS = {
  chat: ['retrieval', 'registry'],
  evaluation: ['chat', 'questions'],
  training: ['lora', 'questions', 'registry'],
  registry: ['lora', 'models'],
};

const featureRules = FEATURES.map((feature) => {
  const allowed = [feature, ...(FEATURE_ARROWS[feature] ?? [])];
  const forbidden = FEATURES.filter((other) => !allowed.includes(other));
  return {
    name: `feature-${feature}-keeps-to-itself`,
    comment:
      `lib/${feature} may import ${allowed.length > 1 ? `lib/${allowed.slice(1).join(' and lib/')}` : 'no other feature'}. ` +
      'Move what both need to lib/domain, or let the composition root (scripts/, app/_server/deps.ts, lib/jobs) pass it in as a dependency.',
    severity: 'error',
    from: { path: `^lib/${feature}/`, pathNot: TEST_FILE },
    to: { path: `^lib/(${forbidden.join('|')})/` },
  };
});

export default {
  forbidden: [
    {
      name: 'no-cycle',
      comment:
        'These modules import each other. Move what both need into a third module, or turn one import into an argument.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'import-exists',
      comment:
        'This import resolves to nothing: a wrong path, a missing file extension, or a package that is not in package.json.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'domain-imports-zod-only',
      comment:
        'lib/domain is pure: types, schemas and rules that run anywhere. It imports zod and itself, no other package, no Node built-in, no other folder.',
      severity: 'error',
      from: { path: '^lib/domain/', pathNot: TEST_FILE },
      to: { pathNot: ['^lib/domain/', '^node_modules/zod/'] },
    },
    {
      name: 'config-imports-domain-only',
      comment: 'lib/config is read by everything, so it may depend on nothing of ours but lib/domain.',
      severity: 'error',
      from: { path: '^lib/config/', pathNot: TEST_FILE },
      to: { path: '^(app|db|scripts|e2e|lib)/', pathNot: '^lib/(config|domain)/' },
    },
    {
      name: 'models-and-lora-stand-alone',
      comment:
        'lib/models and lib/lora are usable as libraries and from the command line: no database, no web server, no Next. Take what they need as an argument.',
      severity: 'error',
      from: { path: '^lib/(models|lora)/', pathNot: TEST_FILE },
      to: {
        path: [
          '^(app|db|scripts|e2e)/',
          '^lib/(auth|chat|evaluation|ingestion|jobs|langchain|questions|registry|retrieval|runtime|training)/',
          SQL_PACKAGES,
          '^node_modules/(next|react|react-dom|hono|@hono|better-auth|pg-boss)(/|$)',
        ],
      },
    },
    ...featureRules,
    {
      name: 'lib-not-to-app',
      comment:
        'lib is the product and knows neither pages nor HTTP. Pass what the page knows as an argument; shape the answer for the page in app/_server.',
      severity: 'error',
      from: { path: '^lib/' },
      to: { path: ['^app/', '^node_modules/(next|next-themes|react-dom)(/|$)'] },
    },
    {
      name: 'db-to-domain-only',
      comment:
        'Repositories know tables and lib/domain, never a feature: the feature calls the repository. Seeds and tests may import more.',
      severity: 'error',
      from: { path: '^db/', pathNot: ['^db/(seeds|testing)/', TEST_FILE] },
      to: { path: '^(app|scripts|e2e|lib)/', pathNot: '^lib/(domain|config|observability)/' },
    },
    {
      name: 'sql-lives-in-db',
      comment:
        'SQL is written in db/. A feature imports a repository from db/repositories, so that one place answers for tenancy and both databases.',
      severity: 'error',
      from: { path: '^lib/', pathNot: ['^lib/testing/', TEST_FILE] },
      to: { path: SQL_PACKAGES },
    },
    {
      name: 'app-not-to-database',
      comment:
        'app is HTTP and pixels: call a use case of lib. Only app/_server/deps.ts, the composition root of the web process, builds database clients and hands them to use cases.',
      severity: 'error',
      from: { path: '^app/', pathNot: ['^app/_server/deps[.]ts$', TEST_FILE] },
      to: { path: ['^db/', SQL_PACKAGES, '^node_modules/pg-boss(/|$)'] },
    },
    {
      name: 'app-loads-no-model',
      comment:
        'The web process never loads a model nor runs a job: the runtime process does the one, the worker the other. Use lib/runtime (client) and the queue port.',
      severity: 'error',
      from: { path: '^app/', pathNot: TEST_FILE },
      to: {
        path: ['^lib/runtime/server/', '^lib/jobs/handlers', '^node_modules/(node-llama-cpp|onnxruntime-node)(/|$)'],
      },
    },
    {
      name: 'one-owner-of-the-base-model',
      comment:
        'Only lib/runtime/server imports node-llama-cpp, so that one process owns the model and the GPU. Speak to it through the client of lib/runtime.',
      severity: 'error',
      from: { path: '^(app|db|lib)/', pathNot: ['^lib/runtime/server/', TEST_FILE] },
      to: { path: '^node_modules/node-llama-cpp(/|$)' },
    },
    {
      name: 'tensors-in-runtime-and-lora',
      comment:
        'ONNX Runtime is loaded by lib/runtime/server (embeddings, reranking) and lib/lora (training) and by nothing else.',
      severity: 'error',
      from: { path: '^(app|db|lib)/', pathNot: ['^lib/(runtime/server|lora)/', TEST_FILE] },
      to: { path: '^node_modules/onnxruntime-' },
    },
    {
      name: 'langchain-at-its-border',
      comment:
        'LangChain is known to lib/langchain (our classes) and lib/ingestion (its loaders and splitters), nowhere else (docs/decisions/0014).',
      severity: 'error',
      from: { path: '^(app|db|lib|scripts)/', pathNot: ['^lib/(langchain|ingestion)/', TEST_FILE] },
      to: { path: '^node_modules/(langchain|@langchain)(/|$)' },
    },
    {
      name: 'only-roots-import-scripts',
      comment: 'scripts/ are composition roots: they import the product, the product never imports them.',
      severity: 'error',
      from: { path: '^(app|db|lib)/', pathNot: TEST_FILE },
      to: { path: '^scripts/' },
    },
    {
      name: 'testing-in-tests-only',
      comment: 'lib/testing holds factories and fakes. Production code must not be able to reach a fake.',
      severity: 'error',
      from: {
        path: '^(app|db|lib|scripts)/',
        pathNot: ['^(lib|db)/testing/', '^lib/runtime/fake', '^db/seeds/', '^scripts/(bench|test)', TEST_FILE],
      },
      to: { path: ['^(lib|db)/testing/', '^lib/runtime/fake'] },
    },
    {
      name: 'not-to-tests',
      comment: 'A test is no library: move what is shared to lib/testing.',
      severity: 'error',
      from: { pathNot: ['^e2e/', TEST_FILE] },
      to: { path: [TEST_FILE, '^e2e/'] },
    },
    {
      name: 'production-needs-no-dev-dependency',
      comment:
        'This package is a devDependency, but code that runs in production imports it. Move it to dependencies in package.json.',
      severity: 'error',
      from: { path: '^(app|db|lib)/', pathNot: ['^(lib|db)/testing/', TEST_FILE] },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'], pathNot: '^node_modules/@types/' },
    },
    {
      name: 'package-is-declared',
      comment:
        'This package is installed only because another one needs it. Add it to package.json with its exact version.',
      severity: 'error',
      from: { path: '^(app|db|lib|scripts|e2e)/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
  ],
  options: {
    parser: 'swc',
    doNotFollow: { path: '^node_modules/' },
    exclude: { path: ['[.]css$', '^[.]next/', '[.]gen[.]d[.]ts$'] },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      mainFields: ['module', 'main', 'types'],
      extensions: ['.ts', '.tsx', '.js', '.mjs', '.json'],
    },
  },
};
