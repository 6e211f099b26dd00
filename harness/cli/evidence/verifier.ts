/** The verifier that lies in every package, for our own use. */

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { verifierFile } from '../../../reports/evidence/verifier-parts.ts';
import { verifierDir } from './package-parts.ts';

export interface Verifier {
  main: (args: readonly string[]) => number;
  verifyPackage: (
    path: string,
    keys: readonly string[],
  ) => { exitCode: number; problems: readonly { code: string; where: string; message: string }[] };
}

export async function loadVerifier(): Promise<Verifier> {
  return (await import(pathToFileURL(join(verifierDir, verifierFile)).href)) as Verifier;
}
