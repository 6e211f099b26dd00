/** At which stage a device says no, on the record and held against its declaration. */

import { stages, type Answer, type Stage } from '../capabilities.ts';
import type { CaseContext } from './case-context.ts';
import type { ForbiddenImage } from './ground.ts';

/**
 * Where the device said no, on the record, and held against the stages that its declaration allows for this way in.
 * A refusal is safe at any stage; later than declared, the declaration is not true.
 */
export function mustRefuseInStage(
  t: CaseContext,
  answer: Answer,
  stage: Stage | undefined,
  { alteration }: ForbiddenImage,
  ingress: string,
): void {
  if (answer.kind !== 'refused' && answer.kind !== 'accepted') return;
  const declared = t.declaration.ingresses[ingress]?.refusesAt ?? [];
  const { delivery } = answer;
  t.write('refusal', {
    of: alteration,
    ingress,
    declared,
    ...(stage === undefined ? {} : { stage }),
    ...(answer.reason === undefined ? {} : { reason: answer.reason }),
    ...(delivery === undefined ? {} : { delivery }),
  });
  const latest = Math.max(...declared.map((each) => stages.indexOf(each)));
  if (stage === undefined || declared.length === 0 || stages.indexOf(stage) <= latest) return;
  t.found({
    code: 'refused-at-later-stage',
    expected: `${alteration} refused at ${declared.join(' or ')}, as declared for ${ingress}`,
    observed: `it was refused at ${stage}`,
  });
}
