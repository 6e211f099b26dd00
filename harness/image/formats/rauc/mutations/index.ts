/** Every attack on RAUC bundles. */

import type { RaucMutation } from './common.ts';
import { lengthMutations } from './length.ts';
import { payloadMutations } from './payload.ts';
import { structureMutations } from './structure.ts';

export const raucMutations: readonly RaucMutation[] = [
  ...payloadMutations,
  ...lengthMutations,
  ...structureMutations,
];
