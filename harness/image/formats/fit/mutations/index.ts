/** Every attack on FIT images. */

import type { FitMutation } from './common.ts';
import { coverageMutations } from './coverage.ts';
import { downgradeMutations } from './downgrade.ts';
import { externalMutations } from './external.ts';
import { insiderMutations } from './insider.ts';
import { lengthMutations } from './length.ts';
import { metadataMutations } from './metadata.ts';
import { payloadMutations } from './payload.ts';
import { signatureMutations } from './signature.ts';
import { structureMutations } from './structure.ts';

export const fitMutations: readonly FitMutation[] = [
  ...signatureMutations,
  ...payloadMutations,
  ...metadataMutations,
  ...coverageMutations,
  ...downgradeMutations,
  ...externalMutations,
  ...structureMutations,
  ...lengthMutations,
  ...insiderMutations,
];
