/**
 * What a case may hold against the device, by the coverage that is declared. A missed alarm of what is covered is a
 * promise that was not kept; of what is not covered it is coverage that is missing, which a requirement demands all
 * the same: it holds for every device, unless it is conditional and was waived, and then the case does not apply.
 */

import type { CaseContext } from '../../harness/index.ts';

type Finding = Parameters<CaseContext['violates']>[0];

export interface Coverage {
  /** Why a conforming device raises the alarm. */
  rationale: string;
  /** Present when the declared coverage does not name the object. */
  lacking?: { note: string };
  /** A finding of this case, in the words that are true of what was declared. */
  finding(seen: Finding): Finding;
}

/** @param object what is tampered with, as alarms name it */
export function coverageOf(t: CaseContext, object: string): Coverage {
  const { coverage } = t.need(t.declaration.integrity, 'declaration of integrity monitoring');
  if ((coverage as readonly string[]).includes(object)) {
    return {
      rationale: `the declaration covers ${object} by integrity monitoring`,
      finding: (seen) => seen,
    };
  }
  const declared = coverage.join(', ');
  const demanded = t.run.catalogue.case(t.id).requirements.join(', ');
  return {
    rationale: `${demanded} demands an alarm for ${object}; the declared coverage (${declared}) does not name it`,
    lacking: { note: `the declared coverage (${declared}) does not name ${object}` },
    finding: ({ expected, observed }) => ({
      code: 'not-covered',
      expected: `${object} to be covered by integrity monitoring, as ${demanded} demands`,
      observed: `declared coverage: ${declared}; ${expected}: ${observed}`,
    }),
  };
}
