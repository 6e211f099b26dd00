/** Finds the suites of `.mocharc.yml`, loads them, and drives mocha over the selected cases. */

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { globSync } from 'glob';
import Mocha from 'mocha';
import { parse } from 'yaml';
import { nearest } from '../board/index.ts';
import type { Catalogue } from '../catalogue/index.ts';
import { BoardFileError, UsageError } from '../errors.ts';
import { registeredCases, type RegisteredCase } from '../lifecycle/test-case.ts';
import { importInto } from './import-suites.ts';
import { codeRoot, compiled, packageRoot } from './paths.ts';

/** What we take from `.mocharc.yml`; everything else there is for `npx mocha` alone. */
interface MochaConfiguration {
  spec?: string | string[];
}

/** The user's own configuration, or the package's. */
function configurationFile(): string {
  const own = resolve('.mocharc.yml');
  return existsSync(own) ? own : join(packageRoot, '.mocharc.yml');
}

/**
 * Suite files in the order of the configuration, each once. Files of this package are taken as compiled when we are:
 * two copies of the harness in one process would not know of each other's run.
 */
export function suiteFiles(): string[] {
  const file = configurationFile();
  let configuration: MochaConfiguration;
  try {
    configuration = (parse(readFileSync(file, 'utf8')) ?? {}) as MochaConfiguration;
  } catch (cause) {
    throw new BoardFileError('mocharc-unreadable', `${file} cannot be read`, { cause });
  }
  const folder = dirname(file);
  const found = [configuration.spec ?? []]
    .flat()
    .flatMap((pattern) => globSync(pattern, { cwd: folder, absolute: true }).sort())
    .map(asWeRun);
  const files = [...new Set(found)];
  if (files.length > 0) return files;
  throw new UsageError('no-suites', `${file} names no suite file that exists`, {
    hint: 'Its `spec:` must match suites/**/*.suite.ts or node_modules/fieldproof/dist/suites/**/*.suite.js.',
  });
}

function asWeRun(file: string): string {
  const inside = relative(packageRoot, file);
  if (!compiled || inside.startsWith('..') || inside.startsWith('dist') || !file.endsWith('.ts')) return file;
  return join(codeRoot, inside.replace(/\.ts$/, '.js'));
}

/** Mocha with all suites loaded; cases are in the registry afterwards. */
export async function loadSuites(): Promise<Mocha> {
  const files = suiteFiles();
  const mocha = new Mocha({ ui: 'bdd', timeout: 0, retries: 0, forbidOnly: true, reporter: QuietReporter });
  await importInto(mocha, files);
  return mocha;
}

/** Says nothing: progress and table come from the lifecycle and the record. */
class QuietReporter extends Mocha.reporters.Base {}

/**
 * The cases to run, in the order of the suites.
 *
 * @param patterns ids or globs (`SIG-*`); empty means all
 * @param suites names of suites; empty means all
 * @throws UsageError for an id or suite that does not exist, naming the nearest
 */
export function selectCases(
  catalogue: Catalogue,
  patterns: readonly string[],
  suites: readonly string[],
): RegisteredCase[] {
  const built = [...registeredCases().values()];
  for (const suite of suites) {
    const known: string[] = [...new Set(built.map(({ id }) => catalogue.case(id).suite))];
    if (!known.includes(suite)) {
      throw new UsageError('unknown-suite', `there is no suite "${suite}"`, {
        hint: `${didYouMean(suite, known)}The suites are ${known.join(', ')}.`,
      });
    }
  }
  const wanted = patterns.length === 0 ? undefined : new Set(catalogue.select(patterns).map(({ id }) => id));
  const chosen = built.filter(
    ({ id }) =>
      (wanted === undefined || wanted.has(id)) &&
      (suites.length === 0 || suites.includes(catalogue.case(id).suite)),
  );
  if (chosen.length > 0) return chosen;
  throw new UsageError('nothing-selected', 'no case that is built matches the selection', {
    hint: 'See `fieldproof list cases`.',
  });
}

/**
 * The registered cases whose full title a selection leaves, as mocha selects them.
 *
 * @param suite mocha's root, or any part of it
 * @param grep of mocha; undefined leaves all
 * @param invert of mocha: what matches is left out
 */
export function casesThatRun(suite: Mocha.Suite, grep: RegExp | undefined, invert = false): RegisteredCase[] {
  const left = new Set<string>();
  suite.eachTest((test) => {
    const matches = grep === undefined || test.fullTitle().search(grep) >= 0;
    if (grep === undefined || matches !== invert) left.add(test.title.split(' ')[0] ?? '');
  });
  return [...registeredCases().values()].filter(({ id }) => left.has(id));
}

function didYouMean(word: string, known: readonly string[]): string {
  const close = nearest(word, known);
  return close === undefined ? '' : `Did you mean ${close}? `;
}

/** Runs the selected cases; their verdicts are in the record, so mocha's own count of failures is of no interest. */
export async function runSuites(mocha: Mocha, selected: readonly RegisteredCase[]): Promise<void> {
  if (selected.length === 0) return; // an empty pattern would match all
  mocha.grep(new RegExp(`(?:^|\\s)(?:${selected.map(({ id }) => id).join('|')})\\s`));
  await new Promise<void>((done) => {
    mocha.run(() => {
      done();
    });
  });
}
