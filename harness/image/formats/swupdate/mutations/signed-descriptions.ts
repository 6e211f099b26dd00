/**
 * Descriptions signed anew with a test key that the device trusts: the signature is good, and exactly one other thing is
 * wrong.
 */

import { byPolicy, type AttackKind, type Expectation } from '../../../mutation.ts';
import type { Policy } from '../../../policy.ts';
import {
  attack,
  descriptionDoc,
  mustReject,
  rewritten,
  signedImages,
  signersLike,
  type SwupdateInput,
  type SwupdateMutation,
} from './common.ts';
import { signedAnew } from './signed-anew.ts';
import { goodSigner } from '../../../crypto/test-signers.ts';

type Change = { start: number; end: number; text: string };

interface Edit {
  id: string;
  kind: AttackKind;
  name: string;
  rationale: string;
  references: readonly string[];
  expectation: Expectation | ((policy: Policy) => Expectation);
  refusedFor?: string;
  edit: (input: SwupdateInput) => Change[] | string;
}

const accepted: Expectation = { class: 'must-accept' };

const edits: readonly Edit[] = [
  {
    id: 'swupdate-signed-control',
    kind: 'metadata',
    name: 'with a comment in its description, signed anew by a trusted key',
    rationale: 'The twin of all that are signed anew: nothing is wrong with it, and it must be taken.',
    references: [signedImages],
    expectation: accepted,
    edit: ({ image }) => {
      const at = image.descriptionEntry?.dataEnd;
      return at === undefined ? 'there is no description' : [{ start: at, end: at, text: '\n' }];
    },
  },
  {
    id: 'swupdate-signed-lower-version',
    kind: 'rollback',
    name: 'of version 0.0.0, signed by a trusted key',
    rationale: 'An agent that refuses lower versions must compare them as numbers, whoever signed.',
    references: ['RBK-01', 'SWUpdate doc/source/swupdate.rst, option -N'],
    expectation: byPolicy('lowerVersion', (value) => (value === 'refuse' ? mustReject : accepted)),
    edit: ({ image }) => {
      const { version, versionValue } = image.description ?? {};
      if (versionValue === undefined || !/^\d+(\.\d+){0,3}$/.test(version ?? ''))
        return 'its version is no number';
      return /[1-9]/.test(version ?? '')
        ? [{ ...versionValue, text: '"0.0.0"' }]
        : 'its version is zero already';
    },
  },
  {
    id: 'swupdate-signed-other-hardware',
    kind: 'compatibility',
    name: 'for other hardware, signed by a trusted key',
    rationale: 'A genuine image of a sister product bricks this one.',
    references: ['CMP-01', `${descriptionDoc}, hardware-compatibility`],
    expectation: byPolicy('hardwareCompatibility', (value) => (value === 'checked' ? mustReject : accepted)),
    edit: ({ image }) => {
      const value = image.description?.hardwareValue;
      return value === undefined ? 'it names no hardware' : [{ ...value, text: '["fieldproof-other-9.9"]' }];
    },
  },
  {
    id: 'swupdate-signed-without-sha256',
    kind: 'coverage',
    name: 'with no SHA-256 for an image, signed by a trusted key',
    rationale: 'An image without a digest is bound by nothing: a device that wants signatures wants digests.',
    references: ['SWUpdate core/parser.c, check_missing_hash', signedImages],
    expectation: mustReject,
    refusedFor: 'no-digest',
    edit: (input) => sha256Setting(input, () => undefined),
  },
  {
    id: 'swupdate-signed-sha256-zero',
    kind: 'coverage',
    name: 'with a SHA-256 of zeros for an image, signed by a trusted key',
    rationale: 'A digest of zeros must not mean that there is none.',
    references: ['SWUpdate core/util.c, IsValidHash', 'SWUpdate core/parser.c, check_missing_hash'],
    expectation: mustReject,
    refusedFor: 'no-digest',
    edit: (input) => sha256Setting(input, () => '0'.repeat(64)),
  },
  {
    id: 'swupdate-signed-sha256-other',
    kind: 'payload',
    name: 'with the SHA-256 of other contents for an image, signed by a trusted key',
    rationale: 'The signature is good and the image is another: only the digest tells.',
    references: ['SIG-02', signedImages],
    expectation: mustReject,
    refusedFor: 'image-digest',
    edit: (input) => sha256Setting(input, () => input.random('other digest', 32).toString('hex')),
  },
  {
    id: 'swupdate-signed-sha256-short',
    kind: 'coverage',
    name: 'with only the first half of a SHA-256 for an image, signed by a trusted key',
    rationale: 'A digest that is compared as far as it goes can be forged with half the work, or with none.',
    references: [signedImages],
    expectation: mustReject,
    refusedFor: 'no-digest',
    edit: (input) => sha256Setting(input, (sha256) => sha256.slice(0, 32)),
  },
];

/** The first image's digest replaced, or its setting removed with the separator behind it. */
function sha256Setting(input: SwupdateInput, to: (sha256: string) => string | undefined): Change[] | string {
  const [artifact] = input.image.description?.artifacts ?? [];
  const value = artifact?.sha256Value;
  if (artifact?.sha256 === undefined || value === undefined) return 'it has no SHA-256';
  const text = to(artifact.sha256);
  if (text !== undefined) return [{ ...value, text: `"${text}"` }];
  // Another name for the setting: the syntax stays whole, whatever stands around it.
  const before = Buffer.from(input.base.read(artifact.start, value.start)).toString('latin1');
  const at = artifact.start + before.lastIndexOf('sha256');
  return [{ start: at, end: at + 'sha256'.length, text: 'note256' }];
}

function resignedEdit({ edit, refusedFor, ...described }: Edit): SwupdateMutation {
  return attack({
    ...described,
    attackerModel: 'insider',
    needs: ['test-key'],
    plan: (input) => {
      const changes = edit(input);
      if (typeof changes === 'string') return { doesNotApply: changes };
      return signedAnew(input, rewritten(input, changes), goodSigner(signersLike(input)), { refusedFor });
    },
  });
}

export const signedDescriptionMutations: readonly SwupdateMutation[] = edits.map(resignedEdit);
