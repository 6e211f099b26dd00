/** OSCAL assessment plan and results, for tools of governance, risk and compliance. */

import type { MakeParts } from '../part.ts';
import { assessmentPlan } from './assessment-plan.ts';
import { assessmentResults } from './assessment-results.ts';
import { jsonBytes } from './common.ts';

export const oscalParts: MakeParts = (source) => [
  {
    path: 'oscal/assessment-plan.json',
    mediaType: 'application/oscal+json',
    about: 'What the run set out to test, as a NIST OSCAL assessment plan',
    content: { bytes: jsonBytes(assessmentPlan(source)) },
  },
  {
    path: 'oscal/assessment-results.json',
    mediaType: 'application/oscal+json',
    about: 'What the run found, as NIST OSCAL assessment results',
    content: { bytes: jsonBytes(assessmentResults(source)) },
  },
];
