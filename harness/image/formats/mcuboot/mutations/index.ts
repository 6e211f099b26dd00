/** Every attack on MCUboot images. */

import type { McubootMutation } from './common.ts';
import { lengthMutations } from './length.ts';
import { signatureMutations } from './signature.ts';
import { signedBytesMutations } from './signed-bytes.ts';

export const mcubootMutations: readonly McubootMutation[] = [
  ...signatureMutations,
  ...signedBytesMutations,
  ...lengthMutations,
];
