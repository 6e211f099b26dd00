/** Makes and streams every attack image of a golden one, and prints what it cost. Started by the bench. */

import { readFileSync } from 'node:fs';
import { fileSource, pieces } from './byte-source.ts';
import type { ChildResult } from './bench.ts';
import { eachAttack } from './generate.ts';

const [path = '', older = ''] = process.argv.slice(2);
const golden = { name: 'golden.bin', source: fileSource(path) };
const second = { name: 'older.bin', source: fileSource(older) };
const options = { seed: Buffer.alloc(32), second };
const small = { name: 'small.bin', source: fileSource(older) };

// The older image is small: everything is loaded and compiled before anything is measured.
for (const made of eachAttack(small, { ...options, second: small })) void made;

const before = residentKiB('VmRSS');
const attacks: ChildResult['attacks'] = [];
const sink = new Uint8Array(256 * 1024);
let from = process.cpuUsage();
for (const made of eachAttack(golden, options)) {
  if ('notApplicable' in made) continue;
  let bytes = 0;
  for (const piece of pieces(made.source, {}, sink)) bytes += piece.length;
  const { user, system } = process.cpuUsage(from);
  attacks.push({ id: made.mutation.id, bytes, cpuSeconds: (user + system) / 1e6 });
  from = process.cpuUsage();
}
const extraMiB = (residentKiB('VmHWM') - before) / 1024;
golden.source.close();
second.source.close();
small.source.close();
process.stdout.write(JSON.stringify({ attacks, extraMiB } satisfies ChildResult));

/** From /proc, in KiB: VmRSS is now, VmHWM the most so far. */
function residentKiB(name: 'VmRSS' | 'VmHWM'): number {
  const [, value = '0'] =
    new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return Number(value);
}
