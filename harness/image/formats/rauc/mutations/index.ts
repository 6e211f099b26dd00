/** Every attack on RAUC bundles. */

import { openWhere } from '../../../mutation.ts';
import type { RaucMutation } from './common.ts';
import { contentMutations } from './content.ts';
import { edgeMutations } from './edge.ts';
import { issuedMutations } from './issued.ts';
import { lengthMutations } from './length.ts';
import { manifestMutations } from './manifest.ts';
import { oversizeMutations } from './oversize.ts';
import { payloadMutations } from './payload.ts';
import { resignedMutations } from './resigned.ts';
import { rollbackMutations } from './rollback.ts';
import { sampleKeyMutations } from './sample-key.ts';
import { signatureMutations } from './signature.ts';
import { structureMutations } from './structure.ts';
import { treeMutations } from './tree.ts';

/** Blocks that an adaptive update finds on the device are not read from the bundle (RAUC docs/advanced.rst). */
function unlessAdaptive(mutation: RaucMutation): RaucMutation {
  return openWhere(mutation, ({ image: { manifest } }) =>
    manifest?.entries.some(({ key }) => key === 'adaptive') === true
      ? 'which blocks an adaptive update reads'
      : undefined,
  );
}

export const raucMutations: readonly RaucMutation[] = [
  ...signatureMutations,
  ...sampleKeyMutations,
  ...edgeMutations,
  ...contentMutations,
  ...payloadMutations.map(unlessAdaptive),
  ...treeMutations,
  ...manifestMutations,
  ...lengthMutations,
  ...structureMutations,
  ...rollbackMutations,
  ...oversizeMutations,
  ...resignedMutations,
  ...issuedMutations,
];
