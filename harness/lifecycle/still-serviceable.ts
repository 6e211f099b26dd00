/** After attacks that can wear an updater out: it takes a legitimate update, without being restarted first. */

import { nextControlImage } from './controls.ts';
import type { CaseContext } from './case-context.ts';
import { firmwareOf, readState } from './firmware.ts';
import { say } from './state.ts';

/**
 * Offers a legitimate image and drops it again. Only the device's own no counts against it: a control was accepted
 * before the attacks, through the same way in.
 *
 * @param code of the finding
 * @throws Nonconformity when the device refuses; Inconclusive when it says neither yes nor no
 */
export async function mustTakeUpdatesAgain(t: CaseContext, ingress: string, code: string): Promise<void> {
  await t.step('a legitimate update, without a restart', async () => {
    const firmware = firmwareOf(t);
    const image = nextControlImage(t, await readState(t, 'after the attacks'));
    const answer = t.answered(`legitimate ${image.name}`, await firmware.offer(image, ingress));
    t.control(`offer ${image.name} through ${ingress}`, 'after', answer.kind === 'accepted', say(answer));
    if (answer.kind === 'refused') {
      t.violates({
        code,
        expected: 'a legitimate image to be taken after the attacks, as it was before them',
        observed: `it was ${say(answer)}`,
      });
    }
    if (answer.kind !== 'accepted')
      t.inconclusive('control-after-failed', `a legitimate image was ${say(answer)} after the attacks`);
    if (firmware.discard !== undefined) t.answered('discard it', await firmware.discard());
  });
}
