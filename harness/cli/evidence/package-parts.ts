/** Who makes which part of a package. Another kind of part is one more line here. */

import { join } from 'node:path';
import { captureParts } from '../../../reports/evidence/capture/index.ts';
import { junitParts } from '../../../reports/evidence/junit.ts';
import { oscalParts } from '../../../reports/evidence/oscal/index.ts';
import type { MakeParts } from '../../../reports/evidence/part.ts';
import { payloadParts, recordParts, reportParts } from '../../../reports/evidence/run-parts.ts';
import { stampParts } from '../../../reports/evidence/timestamp/parts.ts';
import { verifierParts } from '../../../reports/evidence/verifier-parts.ts';
import { packageRoot } from '../paths.ts';

/** The verifier as it is shipped: one file, and how to write another. */
export const verifierDir: string = join(packageRoot, 'reports', 'evidence', 'verifier');

export const packageParts: readonly MakeParts[] = [
  recordParts,
  payloadParts,
  reportParts,
  oscalParts,
  junitParts,
  captureParts,
  stampParts,
  verifierParts(verifierDir),
];

/** Where no report is made, none that lies in the folder goes in: it may be older than the record, or not from it. */
export const partsWithoutReport: readonly MakeParts[] = packageParts.filter((make) => make !== reportParts);
