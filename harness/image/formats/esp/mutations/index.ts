/** Every attack on ESP images. */

import type { EspMutation } from './common.ts';
import { blockMutations } from './blocks.ts';
import { ecdsaMutations } from './ecdsa.ts';
import { lengthMutations } from './length.ts';
import { resignedMutations } from './resigned.ts';
import { rollbackMutations } from './rollback.ts';
import { rsaMutations } from './rsa.ts';
import { signatureMutations } from './signature.ts';
import { signedBytesMutations } from './signed-bytes.ts';
import { structureMutations } from './structure.ts';

export const espMutations: readonly EspMutation[] = [
  ...signatureMutations,
  ...signedBytesMutations,
  ...structureMutations,
  ...blockMutations,
  ...rsaMutations,
  ...ecdsaMutations,
  ...lengthMutations,
  ...rollbackMutations,
  ...resignedMutations,
];
