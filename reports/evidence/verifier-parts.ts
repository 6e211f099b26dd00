/** The verifier inside of every package: whoever has the package and Node needs nothing of ours. */

import { join } from 'node:path';
import type { MakeParts } from './part.ts';

export const verifierFile = 'verify.mjs';

/** @param dir where `verify.mjs` and `VERIFYING.md` lie */
export function verifierParts(dir: string): MakeParts {
  const about = 'Verifies this package: node verify.mjs PACKAGE --key FINGERPRINT.';
  const howTo = 'How to verify this package, and how to write another verifier.';
  return () => [
    {
      path: verifierFile,
      mediaType: 'text/javascript',
      about,
      content: { file: join(dir, verifierFile) },
    },
    {
      path: 'VERIFYING.md',
      mediaType: 'text/markdown',
      about: howTo,
      content: { file: join(dir, 'VERIFYING.md') },
    },
  ];
}
