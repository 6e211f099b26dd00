/** Every attack on SWUpdate images. */

import { openWhere } from '../../../mutation.ts';
import { cmsMutations } from './cms.ts';
import { descriptionText, type SwupdateMutation } from './common.ts';
import { descriptionMutations } from './description.ts';
import { issuedCertificateMutations } from './issued-certificates.ts';
import { payloadMutations } from './payload.ts';
import { sampleKeyMutations } from './sample-key.ts';
import { signatureMutations } from './signature.ts';
import { signedContentMutations } from './signed-contents.ts';
import { signedDescriptionMutations } from './signed-descriptions.ts';
import { structureMutations } from './structure.ts';
import { thresholdMutations } from './threshold.ts';

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
  ...sampleKeyMutations,
  ...cmsMutations,
  ...payloadMutations.map(unlessConditional),
  ...descriptionMutations,
  ...structureMutations,
  ...thresholdMutations,
  ...signedDescriptionMutations,
  ...issuedCertificateMutations,
  ...signedContentMutations.map(unlessConditional),
];
