/** Which code runs: a digest over all of it, so that a record names more than a version. */

import { readFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { globSync } from 'glob';
import { sha256Hex } from '../record/digest.ts';
import { codeRoot, compiled } from './paths.ts';
import { suiteFiles } from './suites.ts';

/** What judges a device, and the simulated ones; reports are made from the record and may be made anew. */
const rooms = '{harness,drivers,suites,boards/simulated}';
const tests = ['**/*.test.*', '**/*.d.ts', '**/test/**', '**/testing/**', '**/bench*.*', '**/.*'];

/**
 * Digest over a listing as `sha256sum` prints it, of every module that a run may load, and of the suites outside of this
 * package. Compiled code and its source have different ones.
 *
 * @returns lower-case hex
 */
export function buildDigest(): string {
  const pattern = `${rooms}/**/*.${compiled ? '{js,mjs}' : '{ts,mjs}'}`;
  const ours = globSync(pattern, { cwd: codeRoot, ignore: tests }).map((file) => resolve(codeRoot, file));
  const files = [...new Set([...ours, ...suiteFiles()])];
  const lines = files.map((file) => `${sha256Hex(readFileSync(file))}  ${relative(codeRoot, file)}\n`);
  return sha256Hex(Buffer.from(lines.sort().join(''), 'utf8'));
}
