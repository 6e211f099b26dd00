/**
 * `npm run device`: a third-party device made, judged by the suites as they are, and gone at the end.
 *
 *   npm run device                              the devices, their boards, what is missing here
 *   npm run device -- u-boot                    its first board
 *   npm run device -- u-boot no-key --case SIG-02 …     another board, and options of `fieldproof run`
 *   npm run device -- u-boot no-key --hold      starts it, says what to set, and waits for Ctrl-C
 */

import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { heldBy, missingOf, type ThirdPartyDevice } from './device.ts';
import { devices } from './devices.ts';
import { fieldproofRun } from './judge.ts';

const here = import.meta.dirname;
const out = join(here, '../../reports/out/third-party');

async function main(words: readonly string[]): Promise<number> {
  const known = await devices();
  if (words.includes('--packages')) {
    console.log([...new Set(known.flatMap(({ packages }) => packages))].sort().join(' '));
    return 0;
  }
  const device = known.find(({ name }) => name === words[0]);
  if (device === undefined) {
    for (const one of known) list(one);
    return words[0] === undefined ? 0 : usage(`there is no device ${words[0]}`);
  }
  const named = words[1] !== undefined && !words[1].startsWith('-');
  const board = named ? words[1] : device.boards[0];
  if (board === undefined || !device.boards.includes(board))
    return usage(`${device.name} has the boards ${device.boards.join(', ')}`);
  const missing = missingOf(device);
  if (missing.length > 0)
    return usage(`${device.name} lacks ${missing.join(', ')}: apt-get install ${heldBy(device)}`);
  return withDevice(device, board, words.slice(named ? 2 : 1));
}

function list(device: ThirdPartyDevice): void {
  const missing = missingOf(device);
  const lacks = missing.length === 0 ? '' : `  (lacks ${missing.join(', ')})`;
  console.log(
    `${device.name.padEnd(12)} ${device.title}${lacks}\n${''.padEnd(13)}${device.boards.join(', ')}`,
  );
}

async function withDevice(
  device: ThirdPartyDevice,
  board: string,
  options: readonly string[],
): Promise<number> {
  const folder = join(out, device.name, board);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const running = await device.start(board, folder);
  try {
    const boardFile = join(here, device.name, `${board}.yaml`);
    if (options.includes('--hold')) return await hold(running.environment, boardFile);
    return (await fieldproofRun(running, [boardFile, '--yes', ...options], 'inherit')).code;
  } finally {
    await running.close();
  }
}

async function hold(environment: Readonly<Record<string, string>>, boardFile: string): Promise<number> {
  const set = Object.entries(environment).map(([name, value]) => `export ${name}='${value}'`);
  console.log(`${set.join('\n')}\nnpx fieldproof doctor ${boardFile}\n\nThe device runs until Ctrl-C.`);
  const keepAlive = setInterval(() => undefined, 1 << 30);
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  clearInterval(keepAlive);
  return 0;
}

function usage(text: string): number {
  console.error(text);
  return 64;
}

process.exitCode = await main(process.argv.slice(2));
