/** Every attack on FIT images. */

import { openWhere } from '../../../mutation.ts';
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
import { sampleKeyMutations } from './sample-key.ts';
import { signatureMutations } from './signature.ts';
import { structureMutations } from './structure.ts';

const mutations: readonly FitMutation[] = [
  ...signatureMutations,
  ...sampleKeyMutations,
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

/** Attacks that leave no configuration whole. */
const wholeFile = new Set(['truncated', 'structure', 'appended', 'rollback']);

/** Of several configurations the device may boot another one than the default, which an attack on that leaves whole. */
export const fitMutations: readonly FitMutation[] = mutations.map((mutation) =>
  wholeFile.has(mutation.kind)
    ? mutation
    : openWhere(mutation, ({ image: { configurations } }) =>
        configurations.length > 1 ? 'which of its configurations the device boots' : undefined,
      ),
);
