/** How an attack image came to be, and how it is made again from that. */

import type { FirmwareImage } from '../capabilities.ts';
import { BenchError } from '../errors.ts';
import { materialise, type ByteSource } from './byte-source.ts';
import { sha256Hex } from './digest.ts';
import { patched, patchesFromRecord, type PatchRecord } from './patch-set.ts';

/** A genuine image: its bytes, wherever they are. */
export interface GenuineImage {
  name: string;
  source: ByteSource;
}

/** How an attack image came to be: enough to make it again from its base. */
export interface Provenance {
  mutation: string;
  format: string;
  base: { name: string; sha256: string; bytes: number };
  second?: { name: string; sha256: string };
  /** Seed of this attack, hex. */
  seed: string;
  patches: readonly PatchRecord[];
  facts: Readonly<Record<string, string | number>>;
  result: { sha256: string; bytes: number };
}

/**
 * Makes an attack image again from its base and its provenance; and the second image, where it took bytes of it.
 *
 * @throws BenchError when the base is another one, or the result differs from the recorded one
 */
export function rebuildAttack(
  base: GenuineImage,
  provenance: Provenance,
  second?: GenuineImage,
): FirmwareImage {
  requireDigest('base', sha256Hex(base.source), provenance.base.sha256);
  if (second !== undefined && provenance.second !== undefined) {
    requireDigest('second image', sha256Hex(second.source), provenance.second.sha256);
  }
  const set = patchesFromRecord(base.source.size, provenance.patches, second?.source);
  const source = patched(base.source, set);
  const sha256 = sha256Hex(source);
  requireDigest('result', sha256, provenance.result.sha256);
  return { name: attackName(base.name, provenance.mutation), bytes: materialise(source), sha256 };
}

function requireDigest(what: string, actual: string, recorded: string): void {
  if (actual === recorded) return;
  throw new BenchError('other-digest', `the ${what} has SHA-256 ${actual}, the record says ${recorded}`);
}

/** `golden-1.2.0.bin` → `golden-1.2.0.mcuboot-strip-signature.bin`. */
export function attackName(base: string, id: string): string {
  const dot = base.lastIndexOf('.');
  return dot > 0 ? `${base.slice(0, dot)}.${id}${base.slice(dot)}` : `${base}.${id}`;
}
