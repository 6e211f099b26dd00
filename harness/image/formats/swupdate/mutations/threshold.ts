/**
 * A threshold that is met in appearance only: fewer signers than the device wants, or one who signs as several. No key is
 * needed: the signatures are genuine ones.
 */

import { withSecondIdentifier, withSigners, type Edited } from '../../../crypto/cms-edit.ts';
import { attack, bytesIn, signedImages, type SwupdateInput, type SwupdateMutation } from './common.ts';
import { withSignatureBytes } from './signature.ts';

interface ThresholdAttack {
  id: string;
  name: string;
  rationale: string;
  /** @param wanted as many signers as the device wants, at least two */
  edit: (cms: Buffer, wanted: number) => Edited;
}

/** All but one of the signers that are wanted, and the first of them once more. */
function firstTwice(cms: Buffer, wanted: number, again: (first: Buffer) => Uint8Array | undefined): Edited {
  return withSigners(cms, (signers) => {
    const kept = signers.slice(0, wanted - 1);
    const [first] = kept;
    const copy = first && again(first);
    return copy === undefined ? signers : [...kept, copy];
  });
}

const attacks: readonly ThresholdAttack[] = [
  {
    id: 'one-removed',
    name: 'with one signature fewer than are needed',
    rationale: 'A good signature is not several: who has one of the keys must not be enough.',
    edit: (cms, wanted) => withSigners(cms, (signers) => signers.slice(0, wanted - 1)),
  },
  {
    id: 'same-signer-twice',
    name: 'with one signature twice in place of another signer’s',
    rationale: 'Signers are counted, not signatures: the same one twice is one.',
    edit: (cms, wanted) => firstTwice(cms, wanted, (first) => first),
  },
  {
    id: 'same-signer-other-name',
    name: 'with one signature twice, named once by issuer and serial number and once by its key identifier',
    rationale:
      'How a signer is named is not signed. Who counts names counts one key twice: what counts is different keys.',
    edit: (cms, wanted) => {
      const renamed = withSecondIdentifier(cms);
      return renamed && firstTwice(renamed.cms, wanted, () => renamed.signer);
    },
  },
];

function threshold({ id, edit, ...words }: ThresholdAttack): SwupdateMutation {
  return attack({
    ...words,
    id: `swupdate-threshold-${id}`,
    kind: 'threshold',
    depth: 'standard',
    references: ['SIG-24', 'TUF specification, 5.1 (threshold of unique keys)', signedImages],
    attackerModel: 'insider',
    plan: (input) => {
      const genuine = signersWanted(input);
      if (typeof genuine === 'string') return { doesNotApply: genuine };
      const { cms, wanted } = genuine;
      const edited = edit(cms, wanted);
      if (edited === undefined || edited.equals(cms)) {
        return { doesNotApply: 'its first signer has no other name: no certificate with a key identifier' };
      }
      return withSignatureBytes(input, edited, 'threshold');
    },
  });
}

function signersWanted({ base, image, policy }: SwupdateInput): { cms: Buffer; wanted: number } | string {
  const { signatureEntry, cms } = image;
  if (policy.threshold === undefined) return 'the declaration names no threshold';
  if (signatureEntry === undefined || cms === undefined) return 'the signature is no CMS';
  if (cms.signers.length < 2) return 'it has one signer';
  return { cms: bytesIn(base, signatureEntry), wanted: policy.threshold };
}

export const thresholdMutations: readonly SwupdateMutation[] = attacks.map(threshold);
