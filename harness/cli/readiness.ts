/** Whether a case can run on a board, judged from files alone: the same questions that the case itself asks first. */

import { waiverFor } from '../lifecycle/judge.ts';
import { missingNeeds, type MissingNeed } from '../lifecycle/needs.ts';
import type { RegisteredCase } from '../lifecycle/test-case.ts';
import type { Prepared } from './prepare.ts';

export interface Readiness {
  /** Why the case does not apply to this device, from the declaration. */
  waiver: string | undefined;
  missing: readonly MissingNeed[];
  /** A stimulus that can harm and that the board file does not allow. */
  refused: string | undefined;
  willRun: boolean;
}

export function readinessOf(
  { board, declaration, catalogue }: Pick<Prepared, 'board' | 'declaration' | 'catalogue'>,
  { id, plan }: RegisteredCase,
): Readiness {
  const waiver = waiverFor({ catalogue, declaration }, id);
  const missing = missingNeeds(plan.needs, board, declaration);
  const allowed: readonly string[] = board.allow ?? [];
  const refused = plan.mayHarm === undefined || allowed.includes(plan.mayHarm) ? undefined : plan.mayHarm;
  return {
    waiver,
    missing,
    refused,
    willRun: waiver === undefined && missing.length === 0 && refused === undefined,
  };
}
