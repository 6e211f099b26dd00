/** Every attack on SUIT envelopes. */

import { algorithmMutations } from './algorithm.ts';
import { blockMutations } from './blocks.ts';
import { commandMutations } from './commands.ts';
import { edgeValueMutations } from './edge-values.ts';
import { encodingMutations } from './encoding.ts';
import { lengthMutations } from './length.ts';
import { manifestMutations } from './manifest-fields.ts';
import { payloadMutations } from './payload.ts';
import { resignedMutations } from './resigned.ts';
import { severedMutations } from './severed.ts';
import { signatureMutations } from './signature.ts';
import type { SuitMutation } from './common.ts';

export const suitMutations: readonly SuitMutation[] = [
  ...signatureMutations,
  ...blockMutations,
  ...algorithmMutations,
  ...edgeValueMutations,
  ...manifestMutations,
  ...resignedMutations,
  ...payloadMutations,
  ...severedMutations,
  ...encodingMutations,
  ...commandMutations,
  ...lengthMutations,
];
