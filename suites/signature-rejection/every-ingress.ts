/** SIG-28: no side door. Each declared ingress gets its own controls and its own power cycle. */

import { everyOne, forgeries, NotExecuted, offerForbidden, type CaseContext } from '../../harness/index.ts';

/**
 * Stripped and altered images through each way in that is declared; one way that gives in is enough to fail.
 *
 * @throws NotExecuted when a declared way in is not wired: what was not tried has not been refused
 */
export async function mustRejectThroughEveryIngress(
  t: CaseContext,
  ingresses: readonly string[],
): Promise<void> {
  const forbidden = forgeries(t, ['unsigned', 'payload'], {
    only: ['strip-signature', 'payload-middle-bit'],
  });
  await everyOne(t, new Set([...ingresses, ...Object.keys(t.declaration.ingresses)]), async (ingress) => {
    if (!ingresses.includes(ingress)) {
      throw new NotExecuted('ingress-not-wired', `the declared way in ${ingress} is not on this board`, {
        hint: `Add profile.firmware.ingresses.${ingress} to the board file.`,
      });
    }
    await t.step(`ingress ${ingress}`, () => offerForbidden(t, ingress, forbidden));
  });
  if (ingresses.length === 0) throw new NotExecuted('no-ingress', 'the board has no way in for firmware');
}
