/** Every attack on SWUpdate images. */

import { cmsMutations } from './cms.ts';
import type { SwupdateMutation } from './common.ts';
import { descriptionMutations } from './description.ts';
import { payloadMutations } from './payload.ts';
import { signatureMutations } from './signature.ts';
import { structureMutations } from './structure.ts';
import { testKeyMutations } from './test-key.ts';

export const swupdateMutations: readonly SwupdateMutation[] = [
  ...signatureMutations,
  ...cmsMutations,
  ...payloadMutations,
  ...descriptionMutations,
  ...structureMutations,
  ...testKeyMutations,
];
