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

/** @param reports folder with the reports, made just now; what the run folder holds stays out */
export function packageParts(reports: string): readonly MakeParts[] {
  return [
    recordParts,
    payloadParts,
    reportParts(reports),
    oscalParts,
    junitParts,
    captureParts,
    stampParts,
    verifierParts(verifierDir),
  ];
}
