/**
 * `BOARD=boards/….yaml npx mocha`: the same run as `fieldproof run`, with mocha in the lead. Named by `require:` in
 * `.mocharc.yml`; takes its place between the loading of the suites and mocha's end.
 */

import Mocha from 'mocha';
import { BenchError, explain, UsageError } from '../errors.ts';
import { depths } from '../lifecycle/run.ts';
import { registeredCases, type RegisteredCase } from '../lifecycle/test-case.ts';
import { exitCodes } from '../verdict.ts';
import { mustHaveDefects } from './defects-of-board.ts';
import { mustBeSome, withinDepth } from './depth.ts';
import { acceptHarm, harmOf, operatorHere } from './harm.ts';
import { importInto } from './import-suites.ts';
import { signerForRun } from './evidence/key-command.ts';
import { defaultOutDir } from './paths.ts';
import { planOf } from './plan-command.ts';
import { exitCodeOfError } from './program.ts';
import { silentProgress } from './progress.ts';
import { reportRun } from './reports.ts';
import { prepare } from './prepare.ts';
import { Session } from './session.ts';
import { casesThatRun } from './suites.ts';

interface OpenRun {
  /** @returns the exit code, taken from the record */
  close(): Promise<number>;
}

let running: OpenRun | undefined;

const { run: runOfMocha } = Mocha.prototype as unknown as {
  run: (this: Mocha, done: (failures: number) => void) => Mocha.Runner;
};

/** Mocha awaits this before it starts: a bench that cannot be opened is told once, not as the failure of every case. */
Mocha.prototype.loadFilesAsync = async function (this: Mocha) {
  const files = this.files.splice(0); // what stays in the list, run() would load once more, with require()
  await importInto(this, files);
  const { grep, invert, dryRun } = this.options as { grep?: RegExp; invert?: boolean; dryRun?: boolean };
  if (dryRun === true) return;
  try {
    running = await openRun(this.suite, casesThatRun(this.suite, grep, invert));
  } catch (error) {
    process.stderr.write(`fieldproof: ${explain(error)}\n`);
    process.exit(exitCodeOfError(error));
  }
};

/** Mocha would end with its count of failures, in which what was not decided does not show. */
Mocha.prototype.run = function (this: Mocha, done?: (failures: number) => void) {
  const end = async (failures: number): Promise<void> => {
    let code = failures;
    try {
      code = (await running?.close()) ?? failures;
    } catch (error) {
      process.stderr.write(`fieldproof: ${explain(error)}\n`);
      code = exitCodes.bench;
    }
    done?.(code);
  };
  return runOfMocha.call(this, (failures) => void end(failures));
};

/** Mocha shows them as pending and starts none of them. */
function leaveOut(suite: Mocha.Suite, cases: readonly RegisteredCase[]): void {
  const ids = new Set(cases.map(({ id }) => id));
  suite.eachTest((test) => {
    if (ids.has(test.title.split(' ')[0] ?? '')) test.pending = true;
  });
}

async function openRun(suite: Mocha.Suite, chosen: readonly RegisteredCase[]): Promise<OpenRun> {
  const { BOARD = '', DEFECT = '', CUTS = '40', DEPTH = 'standard', YES = '' } = process.env;
  if (BOARD === '') {
    throw new UsageError('no-board', 'no device is named', {
      hint: 'BOARD=boards/simulated-gateway.yaml npx mocha',
    });
  }
  if (registeredCases().size === 0) {
    throw new BenchError('two-harnesses', 'no suite has registered a case with this copy of Fieldproof', {
      hint: 'Start mocha where one package "fieldproof" is installed, with the .mocharc.yml of `fieldproof init`.',
    });
  }
  if (chosen.length === 0) {
    throw new UsageError('nothing-selected', 'no case matches --grep', {
      hint: 'See `fieldproof list cases`.',
    });
  }
  const cuts = Number(CUTS);
  if (!Number.isInteger(cuts) || cuts < 1)
    throw new UsageError('bad-cuts', `CUTS=${CUTS} is not a whole number of at least 1`);
  const depth = depths.find((known) => known === DEPTH);
  if (depth === undefined)
    throw new UsageError('bad-depth', `DEPTH=${DEPTH} is none of ${depths.join(', ')}`);
  const { selected, leftOut } = withinDepth(chosen, depth);
  mustBeSome(selected, depth);
  leaveOut(suite, leftOut);
  const defects = DEFECT.split(',').filter((name) => name !== '');
  const prepared = await prepare(BOARD);
  mustHaveDefects(prepared.board, defects);
  const harmAccepted = await acceptHarm(
    harmOf(prepared, selected),
    operatorHere(YES !== '', 'YES=1 to the environment'),
  );
  const everyIngress = process.env['INGRESS'] === 'all';
  const session = await Session.open(prepared, {
    outDir: defaultOutDir(),
    selected,
    leftOut,
    harmAccepted,
    progress: silentProgress,
    plan: planOf(prepared, chosen, { depth, ingress: everyIngress ? 'all' : 'primary', case: [] }),
    command: ['mocha', ...process.argv.slice(2)],
    defects,
    depth,
    everyIngress,
    cuts,
    signer: signerForRun(),
    lane: '',
    interactive: process.stdin.isTTY && process.stderr.isTTY,
    withinMs: 6 * 3_600_000,
  });
  return {
    close: async () => {
      await session.close();
      return reportRun(session.runDir, { catalogue: prepared.catalogue, json: false, html: true });
    },
  };
}
