/** `fieldproof doctor`: what is attached, what answers, what is missing, and what to do about each. */

import { resolve, join } from 'node:path';
import { Bench } from '../bench.ts';
import { within } from '../clock.ts';
import { composeDevice } from '../device.ts';
import { noWireLog } from '../driver.ts';
import type { Device, Observed } from '../capabilities.ts';
import { BoardFileError, explain } from '../errors.ts';
import { bootsWithinMs, type Recorder } from '../lifecycle/run.ts';
import { registeredCases } from '../lifecycle/test-case.ts';
import { exitCodes } from '../verdict.ts';
import { lockBoard } from './lock-board.ts';
import { applyMakersProfile } from '../makers-profile.ts';
import { defaultBoard, defaultOutDir, version } from './paths.ts';
import type { GlobalOptions } from './options.ts';
import { registry } from './registry.ts';
import { prepare, type Prepared } from './prepare.ts';
import { headingOf, shoppingList, type Source, type Wanted } from './shopping-list.ts';
import { loadSuites } from './suites.ts';

type State = 'ok' | 'note' | 'FAIL' | 'lack';

interface Finding {
  state: State;
  what: string;
  says: string;
  /** Of what is lacking: who has it, which cases wait for it, lines for the board file. */
  wanted?: Wanted;
}

/** The doctor keeps no record: nothing that it sees is evidence. */
const noRecord: Recorder & { wireLog: () => typeof noWireLog } = {
  append() {},
  keepImage: ({ name, sha256 }) => ({ name, sha256 }),
  checkpoint() {},
  wireLog: () => noWireLog,
};

/** @returns 0 in order, 2 when inputs are missing, 3 when something does not work */
export async function doctorCommand(boardFile: string | undefined, options: GlobalOptions): Promise<number> {
  const findings: Finding[] = [];
  const say: Say = (state, what, says, wanted) => {
    const finding: Finding = { state, what, says, ...(wanted === undefined ? {} : { wanted }) };
    findings.push(finding);
    if (options.json !== true) process.stdout.write(lineOf(finding));
  };
  const file = boardFile ?? defaultBoard();
  say(
    'ok',
    'fieldproof',
    `${version()} on Node ${process.versions.node}, ${process.platform} ${process.arch}`,
  );
  const prepared = await readBoard(file, say);
  if (prepared !== undefined) {
    await examine(prepared, say);
    await loadSuites();
    tellShoppingList(prepared, say, (text) => {
      if (options.json !== true) process.stdout.write(`\n${text}\n`);
    });
  }
  const failed = findings.some(({ state }) => state === 'FAIL');
  const lacking = findings.some(({ state }) => state === 'lack');
  const code = failed ? exitCodes.bench : lacking ? exitCodes.undecided : exitCodes.conforms;
  if (options.json === true)
    process.stdout.write(`${JSON.stringify({ board: file, findings, code }, null, 2)}\n`);
  else process.stdout.write(`\n${verdictOf(code)}\n`);
  return code;
}

type Say = (state: State, what: string, says: string, wanted?: Wanted) => void;

const whatColumns = 21; // as long as the longest role of an image

function lineOf({ state, what, says, wanted }: Finding): string {
  const [first = '', ...rest] = says.split('\n');
  const below = [...rest.map((line) => line.trim()), ...(wanted?.paste ?? [])];
  return `${state.padEnd(4)}  ${what.padEnd(whatColumns)}  ${first}\n${below.map((line) => `${' '.repeat(whatColumns + 8)}${line}\n`).join('')}`;
}

function verdictOf(code: number): string {
  switch (code) {
    case exitCodes.conforms:
      return 'In order: fieldproof run';
    case exitCodes.undecided:
      return 'Works; the cases named under "lack" will not be executed.';
    default:
      return 'Not in order: mend what says FAIL, from the top; later failures may follow from the first.';
  }
}

async function readBoard(file: string, say: Say): Promise<Prepared | undefined> {
  try {
    const prepared = await prepare(file);
    say('ok', 'board file', `${file}: ${prepared.board.title}`);
    for (const warning of prepared.sources.warnings) say('note', 'board file', warning.message);
    say('ok', 'declaration', prepared.board.declaration);
    const images = Object.keys(prepared.board.images);
    say('ok', 'images', images.length === 0 ? 'none named' : `${images.join(', ')}: digests are right`);
    return prepared;
  } catch (error) {
    if (!(error instanceof BoardFileError)) throw error;
    say('FAIL', 'board file', explain(error));
    return undefined;
  }
}

async function examine(prepared: Prepared, say: Say): Promise<void> {
  const { board, sources } = prepared;
  const lock = await lockBoard(sources.file).catch((error: unknown) => {
    say('FAIL', 'lock', explain(error));
    return undefined;
  });
  if (lock === undefined) return;
  const bench = new Bench({
    board,
    boardDir: sources.directory,
    registry,
    record: noRecord,
    stateDir: join(resolve(defaultOutDir()), 'state', board.board),
    interactive: false,
  });
  try {
    const wires = await bench.openWhatOpens();
    for (const { wire, error } of wires) {
      const kind = board.wires[wire]?.driver ?? '';
      const provides = Object.entries(bench.drivers.get(wire)?.provides ?? {}).map(
        ([key, value]) => `${key} ${value}`,
      );
      if (error !== undefined) say('FAIL', `wire ${wire}`, explain((error as Error).cause ?? error));
      else say('ok', `wire ${wire}`, [`${kind}, open`, ...provides].join(', '));
    }
    if (wires.every(({ error }) => error === undefined)) await question(prepared, bench, say);
  } finally {
    await bench.close();
    await lock.release();
  }
}

/** Asks the device everything that can be asked without changing it. */
async function question(prepared: Prepared, bench: Bench, say: Say): Promise<void> {
  const { board, declaration } = prepared;
  for (const { wire, error } of await bench.selfTest())
    say('FAIL', `wire ${wire}`, `self-test: ${explain(error)}`);
  let device: Device;
  try {
    device = await applyMakersProfile(board.module, composeDevice(bench, board), bench);
  } catch (error) {
    say('FAIL', 'profile', explain(error));
    return;
  }
  const booting = bootsWithinMs({ board, declaration });
  const ask = async (what: string, work: () => Promise<string>, withinMs = booting): Promise<boolean> => {
    try {
      say('ok', what, await within(work(), withinMs, `asking for ${what}`));
      return true;
    } catch (error) {
      say('FAIL', what, explain(error));
      return false;
    }
  };
  const answers = await ask(
    'ready',
    async () => {
      const { tookMs } = await device.waitUntilReady(booting);
      return `answered after ${tookMs.toFixed(0)} ms`;
    },
    2 * booting, // the wait has a deadline of its own, and only it knows what came instead
  );
  if (!answers) return;
  await ask('identity', async () => {
    if (device.identity === undefined) return 'cannot be read on this board';
    const read = await device.identity.read();
    const declared = declaration.device as Readonly<Record<string, string | undefined>>;
    const wrong = Object.entries(read).filter(([key, value]) => (declared[key] ?? value) !== value);
    if (wrong.length === 0) return pairs(read);
    const differences = wrong.map(([key, value]) => `${key}: declared ${declared[key]}, read ${value}`);
    throw new BoardFileError('wrong-device', `not the declared device: ${differences.join('; ')}`, {
      hint: `Attach the declared device, or correct device: in ${board.declaration}.`,
    });
  });
  const { firmware, process: value, audit, alarms } = device;
  if (firmware !== undefined) {
    await ask('firmware', async () => {
      const state = await firmware.readState();
      return pairs(
        Object.fromEntries(
          (Object.entries(state) as [string, Observed<unknown>][]).map(([term, seen]) => [
            term,
            seen.observable ? String(seen.value) : 'not observable',
          ]),
        ),
      );
    });
  }
  if (value !== undefined) await ask('process value', async () => `${await value.read()} ${value.unit}`);
  if (audit !== undefined)
    await ask('audit log', async () => `${await audit.latest()} is its latest sequence number`);
  if (alarms !== undefined) {
    await ask('alarms', async () => {
      const listener = await alarms.listen();
      await listener.close();
      const [failure] = listener.failures;
      if (failure !== undefined) throw failure.error;
      return `heard on ${alarms.wires.join(', ')}`;
    });
  }
}

const pairs = (values: Readonly<Record<string, string>>): string =>
  Object.entries(values)
    .map(([key, value]) => `${key} ${value}`)
    .join(', ');

/** What to ask for, part by part; see {@link shoppingList}. */
function tellShoppingList(prepared: Prepared, say: Say, heading: (text: string) => void): void {
  let last: Source | undefined;
  for (const wanted of shoppingList(prepared, registeredCases().values())) {
    if (wanted.from !== last) heading(headingOf(wanted.from, prepared.declaration.device));
    last = wanted.from;
    const { name, what, cases, next } = wanted;
    say('lack', name, `${what}\nfor ${cases.join(', ')}\nnext: ${next}`, wanted);
  }
}
