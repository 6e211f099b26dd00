/** Genuine bundles of another release, whole or in part. */

import { sameBytes, slice } from '../../../byte-source.ts';
import { byPolicy } from '../../../mutation.ts';
import { type Patch, ofSecond } from '../../../patch-set.ts';
import { manifestValue } from '../manifest.ts';
import { compareVersions } from '../version.ts';
import { formatsDoc, mustReject, reasonBy, regionsOf, type RaucMutation } from './common.ts';

const olderRelease: RaucMutation = {
  id: 'rauc-older-release',
  kind: 'rollback',
  attackerModel: 'stolen-old-image',
  name: 'that is an older release, whole and genuine',
  rationale: 'Its signature is good for ever. Only a floor on the device keeps known holes from coming back.',
  references: ['RB-01', 'RAUC documentation, Reference, min-bundle-version'],
  needs: ['second-image'],
  expectation: byPolicy('lowerVersion', (value) =>
    value === 'refuse' ? mustReject : { class: 'must-accept' },
  ),
  plan: ({ base, image, second }) => {
    if (second === undefined) return { doesNotApply: 'there is no second bundle' };
    const [own, other] = [image, second.image].map(({ manifest }) =>
      manifestValue(manifest, 'update', 'version'),
    );
    if (own === undefined || other === undefined || (compareVersions(other, own) ?? 0) >= 0) {
      return { doesNotApply: 'the second bundle does not show a lower version' };
    }
    const patches: Patch[] = [{ at: 0, remove: base.size, insert: [ofSecond(second.source)] }];
    return { patches, touches: regionsOf(image, patches), facts: { from: own, to: other } };
  },
};

const olderPayload: RaucMutation = {
  id: 'rauc-older-payload',
  kind: 'substitution',
  attackerModel: 'stolen-old-image',
  name: 'with the payload of another release under its own signature',
  rationale:
    'An old payload under a new version: whoever reads only signature and manifest sees the new one.',
  references: ['RB-14', formatsDoc],
  needs: ['second-image'],
  expectation: mustReject,
  plan: ({ base, image, second }) => {
    if (second === undefined) return { doesNotApply: 'there is no second bundle' };
    const { payloadEnd } = second.image;
    if (sameBytes(slice(second.source, 0, payloadEnd), slice(base, 0, image.payloadEnd))) {
      return { doesNotApply: 'the second bundle has the same payload' };
    }
    const patches: Patch[] = [
      { at: 0, remove: image.payloadEnd, insert: [ofSecond(second.source, 0, payloadEnd)] },
    ];
    return {
      patches,
      touches: regionsOf(image, patches),
      ...reasonBy(image, { plain: 'digest', crypt: 'encrypted' }),
    };
  },
};

export const rollbackMutations: readonly RaucMutation[] = [olderRelease, olderPayload];
