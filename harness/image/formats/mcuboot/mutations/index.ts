/** Every attack on MCUboot images. */

import { algorithmMutations } from './algorithms.ts';
import type { McubootMutation } from './common.ts';
import { edgeMutations } from './edge-values.ts';
import { encryptionMutations } from './encryption.ts';
import { entryMutations } from './entries.ts';
import { headerMutations } from './header.ts';
import { lengthMutations } from './length.ts';
import { lyingMutations } from './lies.ts';
import { protectedMutations } from './protected.ts';
import { resignedMutations } from './resigned.ts';
import { rollbackMutations } from './rollback.ts';
import { sampleKeyMutations } from './sample-key.ts';
import { signatureMutations } from './signature.ts';
import { signedBytesMutations } from './signed-bytes.ts';
import { substitutionMutations } from './substitution.ts';
import { trailerMutations } from './trailer.ts';
import { wrappingMutations } from './wrapping-length.ts';
import { unprotectedMutations } from './unprotected.ts';

export const mcubootMutations: readonly McubootMutation[] = [
  ...signatureMutations,
  ...sampleKeyMutations,
  ...signedBytesMutations,
  ...lengthMutations,
  ...headerMutations,
  ...protectedMutations,
  ...unprotectedMutations,
  ...entryMutations,
  ...algorithmMutations,
  ...lyingMutations,
  ...edgeMutations,
  ...encryptionMutations,
  ...substitutionMutations,
  ...trailerMutations,
  ...rollbackMutations,
  ...resignedMutations,
  ...wrappingMutations,
];
