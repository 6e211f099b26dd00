/** SIG-28: no side door. Each declared ingress gets its own controls and its own power cycle. */

import { forgeries, offerForbidden, type CaseContext } from '../../harness/index.ts';

/** Stripped and altered images through each way in; one way that gives in is enough to fail. */
export async function mustRejectThroughEveryIngress(
  t: CaseContext,
  ingresses: readonly string[],
): Promise<void> {
  const forbidden = forgeries(t, ['strip-signature', 'payload-middle-bit']);
  for (const ingress of ingresses) {
    await t.step(`ingress ${ingress}`, () => offerForbidden(t, ingress, forbidden));
  }
}
