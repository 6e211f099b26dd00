/** Root hooks for `BOARD=boards/….yaml npx mocha`: the same run as `fieldproof run`, with mocha in the lead. */

import { readRun } from '../record/read.ts';
import { modelOf } from '../record/run-model.ts';
import { UsageError, explain } from '../errors.ts';
import { registeredCases, type RegisteredCase } from '../lifecycle/test-case.ts';
import { defaultOutDir } from './paths.ts';
import { silentProgress } from './progress.ts';
import { exitCodeOfRun, writeReports } from './reports.ts';
import { stopOnSignal } from './run-command.ts';
import { prepare, Session, type Prepared } from './session.ts';

let session: Session | undefined;
let prepared: Prepared | undefined;
let release: () => void = () => undefined;

export const mochaHooks = {
  async beforeAll(this: Mocha.Context): Promise<void> {
    this.timeout(0);
    const board = process.env['BOARD'];
    if (board === undefined) {
      throw new UsageError('no-board', 'name the device: BOARD=boards/simulated-gateway.yaml npx mocha');
    }
    try {
      prepared = await prepare(board);
      session = await Session.open(prepared, {
        outDir: defaultOutDir(),
        selected: casesThatRun(this),
        progress: silentProgress,
        command: ['mocha', ...process.argv.slice(2)],
        defects: (process.env['DEFECT'] ?? '').split(',').filter((name) => name !== ''),
        cuts: Number(process.env['CUTS'] ?? 20),
        lane: '',
        interactive: process.stdin.isTTY && process.stderr.isTTY,
        withinMs: 6 * 3_600_000,
      });
      release = stopOnSignal(session);
    } catch (error) {
      throw new Error(explain(error), { cause: error }); // mocha prints the message alone
    }
  },

  async afterAll(this: Mocha.Context): Promise<void> {
    this.timeout(0);
    if (session === undefined || prepared === undefined) return;
    await session.close();
    release();
    const model = modelOf(readRun(session.runDir).entries);
    await writeReports(model, session.runDir, { catalogue: prepared.catalogue, json: false, html: true });
    const code = exitCodeOfRun(model);
    // Mocha ends with its count of failures; the exit code of a run comes from the record.
    process.once('exit', () => (process.exitCode = code));
  },
};

/** The registered cases that mocha's `--grep` leaves. */
function casesThatRun(context: Mocha.Context): RegisteredCase[] {
  const root = context.runnable().parent?.root === true ? context.runnable().parent : undefined;
  const pattern = grepOf(process.argv);
  const titles = new Map<string, string>();
  root?.eachTest((test) => titles.set(test.title.split(' ')[0] ?? '', test.fullTitle()));
  return [...registeredCases().values()].filter(({ id }) => pattern?.test(titles.get(id) ?? id) ?? true);
}

/** What follows -g, --grep, -f or --fgrep on mocha's command line. */
export function grepOf(argv: readonly string[]): RegExp | undefined {
  for (const [index, argument] of argv.entries()) {
    const [, flag, inline] = /^(--grep|--fgrep|-g|-f)(?:=(.*))?$/.exec(argument) ?? [];
    if (flag === undefined) continue;
    const text = inline ?? argv[index + 1] ?? '';
    const literal = flag === '-f' || flag === '--fgrep';
    return new RegExp(literal ? text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&') : text);
  }
  return undefined;
}
