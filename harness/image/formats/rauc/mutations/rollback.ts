/** Genuine bundles of another release, whole or in part. */

import { byPolicy } from '../../../mutation.ts';
import type { Patch } from '../../../patch-set.ts';
import { manifestValue } from '../manifest.ts';
import { compareVersions } from '../version.ts';
import { formatsDoc, mustReject, reasonBy, regionsOf, type RaucMutation } from './common.ts';

/** An attack carries the other bundle with it; larger ones are offered as they are. */
const mostBytes = 4 * 1024 * 1024;

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
    if (second === undefined || second.source.size > mostBytes) {
      return { doesNotApply: `the second bundle has more than ${mostBytes} bytes: offer it as it is` };
    }
    const [own, other] = [image, second.image].map(({ manifest }) =>
      manifestValue(manifest, 'update', 'version'),
    );
    if (own === undefined || other === undefined || (compareVersions(other, own) ?? 0) >= 0) {
      return { doesNotApply: 'the second bundle does not show a lower version' };
    }
    const bytes = second.source.read(0, second.source.size);
    const patches: Patch[] = [{ at: 0, remove: base.size, insert: [{ kind: 'bytes', bytes }] }];
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
    if (second === undefined || second.source.size > mostBytes) {
      return { doesNotApply: `the second bundle has more than ${mostBytes} bytes` };
    }
    const bytes = second.source.read(0, second.image.payloadEnd);
    if (Buffer.compare(bytes, base.read(0, image.payloadEnd)) === 0) {
      return { doesNotApply: 'the second bundle has the same payload' };
    }
    const patches: Patch[] = [{ at: 0, remove: image.payloadEnd, insert: [{ kind: 'bytes', bytes }] }];
    return {
      patches,
      touches: regionsOf(image, patches),
      ...reasonBy(image, { plain: 'digest', crypt: 'encrypted' }),
    };
  },
};

export const rollbackMutations: readonly RaucMutation[] = [olderRelease, olderPayload];
