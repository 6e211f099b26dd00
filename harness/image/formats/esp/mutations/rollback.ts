/** Genuine images of other releases in place of this one. */

import { ofSecond } from '../../../patch-set.ts';
import { byPolicy, type Expectation } from '../../../mutation.ts';
import { compareVersions, keyDigest } from '../verify.ts';
import { attack, guide, mustReject, type EspInput, type EspMutation, type EspPlan } from './common.ts';

/** The second image in place of the base. */
function replaced({ base, image, second }: EspInput): EspPlan {
  if (second === undefined) return { doesNotApply: 'there is no second image' };
  return {
    patches: [{ at: 0, remove: base.size, insert: [ofSecond(second.source)] }],
    touches: image.regions.map(({ name }) => name),
    facts: {
      secureVersion: image.app?.secureVersion ?? -1,
      olderSecureVersion: second.image.app?.secureVersion ?? -1,
    },
  };
}

/** Whether one key signed both images. */
function sharesKey({ image, second }: EspInput): boolean {
  const own = new Set(image.blocks.map(keyDigest));
  return second?.image.blocks.some((block) => own.has(keyDigest(block))) === true;
}

const lowerCounter = attack({
  id: 'esp-rollback-secure-version',
  kind: 'rollback',
  name: 'of an older release with a lower secure version',
  rationale:
    'The signature stays good for ever; only the counter in the eFuses tells that the release is withdrawn. It rises ' +
    'when the newer image has confirmed itself.',
  references: ['RBK-01', 'ESP-IDF docs/en/api-reference/system/ota.rst, Anti-rollback'],
  attackerModel: 'stolen-old-image',
  needs: ['second-image'],
  expectation: byPolicy('equalCounter', () => mustReject),
  plan: (input) => {
    const own = input.image.app?.secureVersion ?? 0;
    const older = input.second?.image.app?.secureVersion ?? own;
    return older < own ? replaced(input) : { doesNotApply: 'the second image has no lower secure version' };
  },
});

const lowerVersion = attack({
  id: 'esp-rollback-version',
  kind: 'rollback',
  name: 'of an older release with the same secure version',
  rationale:
    'Where the counter is equal, only the version tells old from new, and ESP-IDF leaves that to the application.',
  references: ['RBK-02', 'ESP-IDF docs/en/api-reference/system/ota.rst, Anti-rollback'],
  attackerModel: 'stolen-old-image',
  needs: ['second-image'],
  expectation: byPolicy('lowerVersion', (value) =>
    value === 'refuse' ? mustReject : { class: 'must-accept' },
  ),
  plan: (input) => {
    const own = input.image.app;
    const other = input.second?.image.app;
    if (own === undefined || other === undefined)
      return { doesNotApply: 'they have no application descriptors' };
    // Of another key it is not known whether it is revoked by now.
    if (!sharesKey(input)) return { doesNotApply: 'the two images share no key' };
    if (own.secureVersion !== other.secureVersion) return { doesNotApply: 'their secure versions differ' };
    return (compareVersions(other.version, own.version) ?? 0) < 0
      ? replaced(input)
      : { doesNotApply: 'the second image does not show a lower version' };
  },
});

const otherKeySlot = attack({
  id: 'esp-revoked-key-slot',
  kind: 'foreign-key',
  name: 'of another release, signed with another key of the maker',
  rationale:
    'Up to three keys are trusted, and one after the other revoked as releases go on: an image of an earlier key must ' +
    'be refused once its slot is revoked.',
  references: ['KEY-03', `${guide}, Key Revocation`],
  attackerModel: 'stolen-old-image',
  needs: ['second-image'],
  // Which of the maker's keys is revoked stands in the eFuses, and nowhere in the images.
  expectation: (): Expectation => ({ class: 'policy', dependsOn: 'revocation' }),
  plan: (input) => {
    const { second } = input;
    if (second === undefined || second.image.blocks.length === 0)
      return { doesNotApply: 'the second image is unsigned' };
    return sharesKey(input) ? { doesNotApply: 'the two images share a key' } : replaced(input);
  },
});

export const rollbackMutations: readonly EspMutation[] = [lowerCounter, lowerVersion, otherKeySlot];
