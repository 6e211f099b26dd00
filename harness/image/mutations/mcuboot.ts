/** Every attack on MCUboot images. */

import type { McubootMutation } from './mcuboot-common.ts';
import { lengthMutations } from './mcuboot-length.ts';
import { signatureMutations } from './mcuboot-signature.ts';
import { signedBytesMutations } from './mcuboot-signed-bytes.ts';

export const mcubootMutations: readonly McubootMutation[] = [
  ...signatureMutations,
  ...signedBytesMutations,
  ...lengthMutations,
];
