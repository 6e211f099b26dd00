/** Every attack on SUIT envelopes. */

import { algorithmMutations } from './algorithm.ts';
import { commandMutations } from './commands.ts';
import { edgeValueMutations } from './edge-values.ts';
import { encodingMutations } from './encoding.ts';
import { lengthMutations } from './length.ts';
import { manifestMutations } from './manifest-fields.ts';
import { payloadMutations } from './payload.ts';
import { signatureMutations } from './signature.ts';
import type { SuitMutation } from './common.ts';

export const suitMutations: readonly SuitMutation[] = [
  ...signatureMutations,
  ...algorithmMutations,
  ...edgeValueMutations,
  ...manifestMutations,
  ...payloadMutations,
  ...encodingMutations,
  ...commandMutations,
  ...lengthMutations,
];
