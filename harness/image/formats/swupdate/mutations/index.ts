/** Every attack on SWUpdate images. */

import { openWhere } from '../../../mutation.ts';
import { cmsMutations } from './cms.ts';
import { descriptionText, type SwupdateMutation } from './common.ts';
import { descriptionMutations } from './description.ts';
import { payloadMutations } from './payload.ts';
import { signatureMutations } from './signature.ts';
import { structureMutations } from './structure.ts';
import { testKeyMutations } from './test-key.ts';

/** An image that is installed only sometimes is, at other times, not read at all. */
function unlessConditional(mutation: SwupdateMutation): SwupdateMutation {
  return openWhere(mutation, (input) => {
    const text = descriptionText(input) ?? '';
    if (/install-if-(different|higher)/.test(text)) return 'whether the image is installed at all';
    const groups = text.match(/\b(images|files)["']?\s*[:=]/g) ?? [];
    return new Set(groups).size < groups.length ? 'which selection is installed' : undefined;
  });
}

export const swupdateMutations: readonly SwupdateMutation[] = [
  ...signatureMutations,
  ...cmsMutations,
  ...payloadMutations.map(unlessConditional),
  ...descriptionMutations,
  ...structureMutations,
  ...testKeyMutations,
];
