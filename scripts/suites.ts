/**
 * `npm run suites -- <command>`: evaluation suites in and out of a workspace, beside a running product.
 * Exit codes: 0 done, 1 unexpected, 2 wrong usage or input, 3 refused (no such thing), 4 no database.
 */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Command, Option } from 'commander';
import { findSuiteByName } from '#db/repositories/suites.ts';
import { invalidInput, notFound } from '#lib/domain/errors.ts';
import { readShippedSuites, takeInSuites } from '#lib/evaluation/shipped-suites.ts';
import { parseSuiteFile, type SuiteFormat, suiteFormats, writeSuiteFile } from '#lib/evaluation/suite-file.ts';
import { listSuiteSummaries, readSuite, saveSuite } from '#lib/evaluation/suites.ts';
import { parseCount, parseSeed, printResult, runProductCommand } from './command/product-command.ts';
import { alignColumns } from './lora/command-line.ts';
import { readPublicSets } from './suites/public-sets.ts';
import { shippedSuitesDir } from './suites/shipped-suites-dir.ts';

interface Options {
  readonly workspace: string;
  readonly json?: true;
}

interface ImportOptions extends Options {
  readonly shipped?: true;
  readonly from?: string;
  readonly limit: number;
  readonly seed: number;
}

interface ExportOptions extends Options {
  readonly suite: string;
  readonly format: SuiteFormat;
  readonly out?: string;
}

/** More would keep a small machine busy for a day. */
const DEFAULT_LIMIT = 100;

const exitCodes = { unexpected: 1, usage: 2, refused: 3, 'no-database': 4 } as const;

/** @throws AppError `input.invalid` */
async function readOwnFile(file: string) {
  const text = await readFile(file, 'utf8').catch(() => {
    throw invalidInput(`${file} cannot be read`);
  });
  const { name, description, cases, problems } = parseSuiteFile(text);
  return {
    name: name ?? path.parse(file).name,
    description: description ?? '',
    cases,
    leftOut: problems.length,
    problems,
  };
}

const program = new Command('suites').description('Evaluation suites in and out of a workspace.');

await runProductCommand(program, exitCodes, (root, { db, openWorkspace }) => {
  const define = (name: string, description: string) =>
    root
      .command(name)
      .description(description)
      .requiredOption('--workspace <slug>')
      .option('--json', 'print one JSON object');

  define('list', 'the suites of a workspace').action(async ({ workspace, json }: Options) => {
    const { allow } = await openWorkspace(workspace);
    const suites = await listSuiteSummaries({ db }, await allow('evaluation.read'));
    printResult(
      { suites },
      alignColumns([
        ['suite', 'revision', 'cases', 'changed'],
        ...suites.map(({ name, revisionNumber, caseCount, updatedAt }) => [
          name,
          String(revisionNumber),
          String(caseCount),
          updatedAt.toISOString().slice(0, 10),
        ]),
      ]),
      json === true,
    );
  });

  define('import', 'suites that ship with the product, public sets, or files in our or promptfoo’s form')
    .argument('[files...]', 'YAML or JSON lines')
    .option('--shipped', 'those that ship; one whose name is taken is left as it is')
    .option(
      '--from <folder>',
      'ARC, PIQA, Winogrande, IFEval, XSTest, HarmBench and BIPIA, as far as they are below it',
    )
    .option('--limit <n>', 'cases of each public set', parseCount, DEFAULT_LIMIT)
    .option('--seed <n>', 'of the draw', parseSeed, 0)
    .action(async (files: readonly string[], options: ImportOptions) => {
      if (files.length === 0 && options.from === undefined && options.shipped !== true) {
        throw invalidInput('name files, --from or --shipped');
      }
      const { allow } = await openWorkspace(options.workspace);
      const access = await allow('evaluation.write');
      const imported: { name: string; cases: number; revision: number; isChanged: boolean; leftOut: number }[] = [];
      const problems: string[] = [];
      if (options.shipped === true) {
        const suites = await readShippedSuites(shippedSuitesDir);
        for (const made of await takeInSuites({ db }, access, suites)) {
          const cases = suites.find(({ name }) => name === made.name)?.cases.length ?? 0;
          imported.push({ name: made.name, cases, revision: made.revisionNumber, isChanged: true, leftOut: 0 });
        }
      }
      const own = await Promise.all(files.map(readOwnFile));
      for (const file of own) problems.push(...file.problems.map((problem) => `${file.name}, ${problem}`));
      const read = [...own, ...(options.from === undefined ? [] : await readPublicSets(options.from, options))];
      for (const { leftOut, ...suite } of read) {
        const saved = await saveSuite({ db }, access, { ...suite, note: 'Imported from the command line.' });
        const { revisionNumber: revision, isChanged } = saved;
        imported.push({ name: suite.name, cases: suite.cases.length, revision, isChanged, leftOut });
      }
      printResult(
        { imported, problems },
        [
          ...imported.map(
            ({ name, cases, revision, isChanged, leftOut }) =>
              `${name}: ${cases} cases, ${isChanged ? `revision ${revision}` : `unchanged at revision ${revision}`}${leftOut === 0 ? '' : `, ${leftOut} rows left out that cannot be checked`}`,
          ),
          ...problems,
          ...(imported.length === 0 ? ['Nothing to do: the workspace has these suites.'] : []),
        ],
        options.json === true,
      );
    });

  define('export', 'a suite as a file that import reads back')
    .requiredOption('--suite <name>')
    .addOption(new Option('--format <format>').choices(suiteFormats).default('yaml'))
    .option('--out <file>', 'left out: standard output')
    .action(async ({ workspace, suite: wanted, format, out, json }: ExportOptions) => {
      const { allow } = await openWorkspace(workspace);
      const access = await allow('evaluation.read');
      const found = await findSuiteByName(db, access, wanted.trim());
      if (found === undefined) throw notFound('suite');
      const { suite, revision, cases } = await readSuite({ db }, access, { suiteId: found.id });
      const text = writeSuiteFile({ name: suite.name, description: suite.description, cases }, format);
      if (out === undefined && json !== true) return console.log(text.trimEnd());
      if (out !== undefined) await writeFile(out, text);
      printResult(
        {
          name: suite.name,
          revision: revision.number,
          cases: cases.length,
          ...(out === undefined ? { text } : { out }),
        },
        [`${suite.name}, revision ${revision.number}: ${cases.length} cases in ${out ?? ''}`],
        json === true,
      );
    });
});
