/** Root hooks for `BOARD=boards/….yaml npx mocha`: the same run as `fieldproof run`, with mocha in the lead. */

import Mocha from 'mocha';
import { BenchError, explain, UsageError } from '../errors.ts';
import { registeredCases, type RegisteredCase } from '../lifecycle/test-case.ts';
import { readRun } from '../record/read.ts';
import { modelOf } from '../record/run-model.ts';
import { exitCodes } from '../verdict.ts';
import { knownDefects } from './defects.ts';
import { letMochaImport } from './import-suites.ts';
import { defaultOutDir } from './paths.ts';
import { silentProgress } from './progress.ts';
import { exitCodeOfRun, writeReports } from './reports.ts';
import { stopOnSignal } from './run-command.ts';
import { prepare, Session, type Prepared } from './session.ts';
import { readyForTypeScript } from './suites.ts';

let session: Session | undefined;
let prepared: Prepared | undefined;
let selected: readonly RegisteredCase[] = [];
let release: () => void = () => undefined;
/** Of the run; undefined while there is none. */
let exitCode: number | undefined;

letMochaImport(readyForTypeScript);
followTheRun();

export const mochaHooks = {
  async beforeAll(this: Mocha.Context): Promise<void> {
    this.timeout(0);
    try {
      await open();
    } catch (error) {
      exitCode = error instanceof UsageError ? exitCodes.usage : exitCodes.bench;
      throw new Error(explain(error)); // mocha prints the message alone
    }
  },

  async afterAll(this: Mocha.Context): Promise<void> {
    this.timeout(0);
    if (session === undefined || prepared === undefined) return;
    exitCode = exitCodes.bench; // until the record says better
    await session.close();
    release();
    const model = modelOf(readRun(session.runDir).entries);
    exitCode = exitCodeOfRun(model);
    await writeReports(model, session.runDir, { catalogue: prepared.catalogue, json: false, html: true });
  },
};

async function open(): Promise<void> {
  const { BOARD, DEFECT = '', CUTS = '20' } = process.env;
  if (BOARD === undefined || BOARD === '') {
    throw new UsageError('no-board', 'no device is named', {
      hint: 'BOARD=boards/simulated-gateway.yaml npx mocha',
    });
  }
  const cuts = Number(CUTS);
  if (!Number.isInteger(cuts) || cuts < 1)
    throw new UsageError('bad-cuts', `CUTS=${CUTS} is not a whole number of at least 1`);
  const defects = DEFECT.split(',').filter((name) => name !== '');
  knownDefects(defects);
  if (registeredCases().size === 0) {
    throw new BenchError(
      'two-harnesses',
      'the suites were loaded with another copy of Fieldproof than this',
      {
        hint: 'Start mocha where one package "fieldproof" is installed, with the .mocharc.yml that `fieldproof init` writes.',
      },
    );
  }
  prepared = await prepare(BOARD);
  session = await Session.open(prepared, {
    outDir: defaultOutDir(),
    selected,
    progress: silentProgress,
    command: ['mocha', ...process.argv.slice(2)],
    defects,
    cuts,
    lane: '',
    interactive: process.stdin.isTTY && process.stderr.isTTY,
    withinMs: 6 * 3_600_000,
  });
  release = stopOnSignal(session);
}

/**
 * Takes mocha's selection, and gives it the run's exit code: mocha would end with its count of failures, in which what
 * was not decided does not show.
 */
function followTheRun(): void {
  const { run } = Mocha.prototype;
  Mocha.prototype.run = function (this: Mocha, done?: (failures: number) => void) {
    const { grep, invert } = this.options as { grep?: RegExp; invert?: boolean };
    selected = casesThatRun(this.suite, grep, invert);
    return run.call(this, (failures) => done?.(exitCode ?? failures));
  };
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
