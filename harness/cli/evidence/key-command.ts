/** `fieldproof key`, and how a run gets its key. */

import { explain } from '../../errors.ts';
import { benchKeyPath, openBenchKey, type BenchKey } from '../../record/bench-key.ts';
import { exitCodes } from '../../verdict.ts';
import { pathForPeople } from '../paths.ts';
import type { BenchKeyOptions } from './command.ts';

/** @throws BenchError when others could use the key, with the line that mends it */
export function keyCommand(options: BenchKeyOptions): number {
  const key = openBenchKey(benchKeyPath(options.benchKey));
  const { path, isNew, fingerprint, publicPem } = key;
  if (options.json === true) {
    const about = { path, isNew, fingerprint, publicKey: publicPem };
    process.stdout.write(`${JSON.stringify(about, null, 2)}\n`);
  } else {
    tellNewKey(key);
    process.stdout.write(`${fingerprint}\n${publicPem}`);
  }
  return exitCodes.conforms;
}

/** Whoever is to trust the bench needs the fingerprint from the day on which the key was made. */
export function tellNewKey({ isNew, path, fingerprint }: BenchKey): void {
  if (!isNew) return;
  const where = pathForPeople(path);
  process.stderr.write(`The bench has a new key, ${where}. Keep its fingerprint: ${fingerprint}\n`);
}

/**
 * The key that signs the close of a run. A machine on which none can be kept still runs, and says so.
 *
 * @returns undefined where there is no place for a key
 * @throws BenchError when there is a key that others could use: better now than after a night
 * @throws EvidenceError when the file that somebody named holds none
 */
export function signerForRun(named?: string): BenchKey | undefined {
  const path = benchKeyPath(named);
  try {
    const key = openBenchKey(path);
    tellNewKey(key);
    return key;
  } catch (error) {
    const isChosen = path !== benchKeyPath(undefined, { ...process.env, FIELDPROOF_BENCH_KEY: '' });
    const cannotKeep = (error as { code?: string }).code === 'cannot-write';
    if (isChosen || !cannotKeep) throw error;
    process.stderr.write(`The close of this run will not be signed: ${explain(error)}\n`);
    return undefined;
  }
}
