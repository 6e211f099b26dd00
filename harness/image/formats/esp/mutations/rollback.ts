/** Genuine images of other releases in place of this one. */

import type { Expectation } from '../../../mutation.ts';
import type { EspImage } from '../parse.ts';
import { keyDigest } from '../verify.ts';
import { attack, guide, type EspInput, type EspMutation, type EspPlan } from './common.ts';

/** The second image in place of the base. */
function replaced({ base, image, second }: EspInput): EspPlan {
  if (second === undefined) return { doesNotApply: 'there is no second image' };
  const bytes = second.source.read(0, second.source.size);
  return {
    patches: [{ at: 0, remove: base.size, insert: [{ kind: 'bytes', bytes }] }],
    touches: image.regions.map(({ name }) => name),
    facts: {
      secureVersion: image.app?.secureVersion ?? -1,
      olderSecureVersion: second.image.app?.secureVersion ?? -1,
    },
  };
}

// The second image is genuine: whether the device goes back to it depends on what it has been told, not on its bytes.
const depends = (dependsOn: string) => (): Expectation => ({ class: 'policy', dependsOn });

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
  expectation: depends('lowerVersion'),
  plan: (input) => {
    const own = input.image.app?.secureVersion ?? 0;
    const older = input.second?.image.app?.secureVersion ?? own;
    return older < own ? replaced(input) : { doesNotApply: 'the second image has no lower secure version' };
  },
});

const lowerVersion = attack({
  id: 'esp-rollback-version',
  kind: 'rollback',
  name: 'of another release with the same secure version',
  rationale:
    'Where the counter is equal, only the version tells old from new, and ESP-IDF leaves that to the application.',
  references: ['RBK-02', 'ESP-IDF docs/en/api-reference/system/ota.rst, Anti-rollback'],
  attackerModel: 'stolen-old-image',
  needs: ['second-image'],
  expectation: depends('lowerVersion'),
  plan: (input) => {
    const own = input.image.app;
    const other = input.second?.image.app;
    if (own === undefined || other === undefined)
      return { doesNotApply: 'they have no application descriptors' };
    if (own.secureVersion !== other.secureVersion) return { doesNotApply: 'their secure versions differ' };
    return own.version === other.version ? { doesNotApply: 'they have the same version' } : replaced(input);
  },
});

const digestsOf = (image: EspImage): string[] => image.blocks.map(keyDigest);

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
  expectation: depends('revocation'),
  plan: (input) => {
    const { second, image } = input;
    if (second === undefined || second.image.blocks.length === 0)
      return { doesNotApply: 'the second image is unsigned' };
    const own = new Set(digestsOf(image));
    const shared = digestsOf(second.image).some((digest) => own.has(digest));
    return shared ? { doesNotApply: 'the two images share a key' } : replaced(input);
  },
});

export const rollbackMutations: readonly EspMutation[] = [lowerCounter, lowerVersion, otherKeySlot];
