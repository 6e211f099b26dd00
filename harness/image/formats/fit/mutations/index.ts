/** Every attack on FIT images. */

import type { FitMutation } from './common.ts';
import { configurationMutations } from './configuration.ts';
import { coverageMutations } from './coverage.ts';
import { downgradeMutations } from './downgrade.ts';
import { externalMutations } from './external.ts';
import { headerMutations } from './header.ts';
import { insiderMutations } from './insider.ts';
import { lengthMutations } from './length.ts';
import { metadataMutations } from './metadata.ts';
import { payloadMutations } from './payload.ts';
import { secondImageMutations } from './second-image.ts';
import { signatureNodeMutations } from './signature-node.ts';
import { signatureMutations } from './signature.ts';
import { structureMutations } from './structure.ts';

export const fitMutations: readonly FitMutation[] = [
  ...signatureMutations,
  ...payloadMutations,
  ...metadataMutations,
  ...coverageMutations,
  ...configurationMutations,
  ...signatureNodeMutations,
  ...downgradeMutations,
  ...externalMutations,
  ...headerMutations,
  ...structureMutations,
  ...lengthMutations,
  ...insiderMutations,
  ...secondImageMutations,
];
