/** Every attack on RAUC bundles. */

import type { RaucMutation } from './common.ts';
import { lengthMutations } from './length.ts';
import { manifestMutations } from './manifest.ts';
import { payloadMutations } from './payload.ts';
import { structureMutations } from './structure.ts';
import { treeMutations } from './tree.ts';

export const raucMutations: readonly RaucMutation[] = [
  ...payloadMutations,
  ...treeMutations,
  ...manifestMutations,
  ...lengthMutations,
  ...structureMutations,
];
