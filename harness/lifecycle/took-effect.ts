/** Whether an attack has changed what runs, now or after a restart; and the way back to a state that can be measured. */

import { Inconclusive } from '../errors.ts';
import type { CaseContext } from './case-context.ts';
import { canRestart, readState, restart } from './firmware.ts';
import type { ForbiddenImage, Ground } from './ground.ts';
import type { Finding } from '../record/events.ts';
import { recover } from './recovery.ts';
import { changes } from './state.ts';

export async function confirmByPowerCycle(
  t: CaseContext,
  forbidden: ForbiddenImage,
  ground: Ground,
): Promise<void> {
  if (!canRestart(t)) {
    t.note(
      'state after a restart not observable: the board has neither a switched supply nor profile.restart',
    );
    return;
  }
  await restart(t);
  const changed = await steadyChanges(t, 'after a power cycle', ground);
  if (changed.length === 0) return;
  const finding = effectOf(forbidden, 'after a power cycle', changed);
  t.found(finding); // kept, whatever recovery brings
  await backToStable(t, ground, finding.observed).catch((error: unknown) => {
    const innocent = error instanceof Inconclusive && error.code === 'unstable-baseline';
    if (innocent) t.withdraw(finding); // the power cycle did it, not the image
    throw error;
  });
  t.findings.splice(t.findings.indexOf(finding), 1); // said once, by the exception
  t.violates(finding);
}

/** Recovers, and shows that an innocent power cycle changes nothing; else no attack may be blamed for a change. */
export async function backToStable(t: CaseContext, ground: Ground, cause: string): Promise<void> {
  ground.baseline = await recover(t, ground.baseline, cause);
  const innocent = await t.step('twin: power cycle without attacks', async () => {
    await restart(t);
    return changes(ground.baseline, await readState(t, 'after the twin’s power cycle'));
  });
  const detail = innocent.join('; ') || 'same state';
  t.control('state kept over a power cycle', 'twin', innocent.length === 0, detail);
  if (innocent.length === 0) return;
  ground.unstable = new Inconclusive(
    'unstable-baseline',
    `the state changes over an innocent power cycle: ${detail}`,
  );
  throw ground.unstable;
}

export async function mustBeUnchanged(
  t: CaseContext,
  when: string,
  forbidden: ForbiddenImage,
  ground: Ground,
): Promise<void> {
  const changed = await steadyChanges(t, when, ground);
  if (changed.length > 0) await tookEffect(t, when, changed, forbidden, ground);
}

/** A change that is read twice: one lost byte in an answer makes another version of any. */
async function steadyChanges(t: CaseContext, when: string, { baseline }: Ground): Promise<string[]> {
  const first = changes(baseline, await readState(t, when));
  if (first.length === 0) return first;
  const second = changes(baseline, await readState(t, `${when}, read again`));
  if (second.length === 0)
    t.note(`${when}, one reading differed (${first.join('; ')}), and the next was as before`);
  return second;
}

function effectOf(
  { alteration, rationale }: ForbiddenImage,
  when: string,
  changed: readonly string[],
): Finding {
  return {
    code: 'forbidden-image-took-effect',
    expected: `${alteration} to change nothing: ${rationale}`,
    observed: `${when}, ${changed.join('; ')}`,
  };
}

export async function tookEffect(
  t: CaseContext,
  when: string,
  changed: readonly string[],
  forbidden: ForbiddenImage,
  ground: Ground,
): Promise<never> {
  const finding = effectOf(forbidden, when, changed);
  t.found(finding); // kept, whatever recovery brings
  ground.baseline = await recover(t, ground.baseline, finding.observed);
  t.findings.splice(t.findings.indexOf(finding), 1); // said once, by the exception
  return t.violates(finding);
}
