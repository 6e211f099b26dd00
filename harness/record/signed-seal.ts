/** The seal of a closed record, signed by the bench: the count and the root cannot be exchanged later without its key. */

import { createPublicKey, type KeyObject } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Problem } from './chain.ts';
import { writeWhole } from './durable-file.ts';
import { sealFile, type Entry, type Seal } from './entry.ts';
import { canonicalize } from './jcs.ts';
import { writeSeal } from './seal.ts';
import { readSigned, writeSigned } from './signed-file.ts';
import { fingerprintOf, type Signer } from './signing.ts';

/** A DSSE envelope whose body is the text of `seal.json` without its last LF. */
export const signedSealFile = 'seal.dsse.json';
/** Public half of the key that signed the seal, PEM. */
export const sealKeyFile = 'seal-key.pem';
export const sealPayloadType = 'application/vnd.fieldproof.seal+json';
export const sealsIt = '`fieldproof run --resume RUN` seals it.';

/** @throws EvidenceError when the disk fails */
export function writeSignedSeal(dir: string, seal: Seal, signer: Signer): void {
  writeWhole(join(dir, sealKeyFile), signer.publicPem);
  writeSigned(join(dir, signedSealFile), sealPayloadType, canonicalize(seal), signer);
}

/**
 * Seals a closed record. `seal.json` comes last: as long as it is missing, a resume writes all of it anew.
 *
 * @throws EvidenceError when the disk fails
 */
export function sealRecord(dir: string, seal: Seal, signer: Signer | undefined): void {
  if (signer !== undefined) writeSignedSeal(dir, seal, signer);
  writeSeal(dir, seal);
}

/** Whether nothing is left to be sealed. Earlier versions wrote `seal.json` first, and could lose what follows. */
export function isSealed(dir: string, entries: readonly Entry[]): boolean {
  const has = (file: string): boolean => existsSync(join(dir, file));
  if (!has(sealFile)) return false;
  return has(signedSealFile) || !isClosed(entries) || benchKeyOf(entries) === undefined;
}

/** Fingerprint of the key that is to sign, as the first entry promises it; undefined for a bench without one. */
export function benchKeyOf([opened]: readonly Entry[]): string | undefined {
  return opened?.kind === 'run-opened' ? opened.payload.benchKey : undefined;
}

function isClosed(entries: readonly Entry[]): boolean {
  return entries.some(({ kind }) => kind === 'record-closed');
}

/**
 * What is wrong with the signed seal, or that a record whose opening promises one has none.
 *
 * @param seal what `seal.json` says
 */
export function signedSealProblems(
  dir: string,
  entries: readonly Entry[],
  seal: Seal | undefined,
): Problem[] {
  // Without `seal.json` the sealing was never done, whatever it had come to.
  if (isClosed(entries) && !existsSync(join(dir, sealFile))) return [];
  const path = join(dir, signedSealFile);
  const named = benchKeyOf(entries);
  if (!existsSync(path)) return isClosed(entries) && named !== undefined ? [missing(named)] : [];
  const problem = (message: string): Problem[] => [{ code: 'seal-wrong', where: signedSealFile, message }];
  const key = readKey(join(dir, sealKeyFile));
  if (key === undefined) return problem(`is signed by a key that ${sealKeyFile} does not hold`);
  const body = readSigned(path, sealPayloadType, key);
  if (body === undefined) return problem(`is not signed by the key in ${sealKeyFile}`);
  if (seal === undefined || body !== canonicalize(seal)) return problem('signs another seal than seal.json');
  if (named !== undefined && named !== fingerprintOf(key))
    return problem(`is signed by key ${fingerprintOf(key)}; the run was opened with key ${named}`);
  return [];
}

function missing(named: string): Problem {
  const message = `is missing; the run was opened with key ${named}, which has not signed its close`;
  return { code: 'seal-missing', where: signedSealFile, message, hint: sealsIt };
}

function readKey(path: string): KeyObject | undefined {
  try {
    return createPublicKey(readFileSync(path));
  } catch {
    return undefined;
  }
}
