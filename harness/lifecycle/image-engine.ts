/**
 * The image engine, loaded late: its formats are many files, and what comes before the first case, such as the first byte
 * on a wire, does not wait for them.
 */

import { BenchError } from '../errors.ts';
import type * as image from '../image/index.ts';

type ImageEngine = typeof image;

let engine: ImageEngine | undefined;

/** Loads it, once. A run does so before its first case. */
export async function loadImageEngine(): Promise<void> {
  engine ??= await import('../image/index.ts');
}

/** @throws BenchError when it is used outside a run, before anything has loaded it */
export function imageEngine(): ImageEngine {
  if (engine !== undefined) return engine;
  throw new BenchError('no-image-engine', 'the image engine is not loaded: it is used outside a run');
}
