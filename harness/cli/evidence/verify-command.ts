/** `fieldproof verify`: runs the very file that lies in every package. */

import type { VerifyOptions } from './command.ts';
import { loadVerifier } from './verifier.ts';

/** @returns 0: as it was signed by the expected keys; 1: not; 2: signer unknown, or not all was checked; 64 */
export async function verifyCommand(file: string, options: VerifyOptions): Promise<number> {
  const { main } = await loadVerifier();
  const keys = options.key.flatMap((key) => ['--key', key]);
  return main([file, ...keys, ...(options.json === true ? ['--json'] : [])]);
}
