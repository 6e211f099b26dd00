/** `fieldproof verify`: runs the very file that lies in every package. */

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { verifierFile } from '../../../reports/evidence/verifier-parts.ts';
import type { VerifyOptions } from './command.ts';
import { verifierDir } from './package-parts.ts';

interface Verifier {
  main: (args: readonly string[]) => number;
}

/** @returns 0: as it was signed by the expected keys; 1: not; 2: signer unknown, or not all was checked; 64 */
export async function verifyCommand(file: string, options: VerifyOptions): Promise<number> {
  const { main } = (await import(pathToFileURL(join(verifierDir, verifierFile)).href)) as Verifier;
  const keys = options.key.flatMap((key) => ['--key', key]);
  return main([file, ...keys, ...(options.json === true ? ['--json'] : [])]);
}
