/** Every attack on PE images. */

import type { PeMutation } from './common.ts';
import { downgradeMutations } from './downgrade.ts';
import { lengthMutations } from './length.ts';
import { resignedMutations } from './resigned.ts';
import { signatureMutations } from './signature.ts';
import { signedBytesMutations } from './signed-bytes.ts';
import { tableMutations } from './table.ts';

export const peMutations: readonly PeMutation[] = [
  ...signatureMutations,
  ...signedBytesMutations,
  ...tableMutations,
  ...downgradeMutations,
  ...lengthMutations,
  ...resignedMutations,
];
