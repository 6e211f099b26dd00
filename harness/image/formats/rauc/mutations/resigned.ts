/**
 * Attacks by somebody who can sign: a test key that the device trusts. Each signature is good, so that only what the
 * attack changed is wrong.
 */

import { bytesSource, slice, type ByteSource } from '../../../byte-source.ts';
import { withContent } from '../../../crypto/cms-edit.ts';
import { cosigned } from '../../../crypto/cms-cosign.ts';
import { goodSigner, withCosigners } from '../../../crypto/test-signers.ts';
import { byPolicy, type DoesNotApply, type Expectation, type Plan } from '../../../mutation.ts';
import type { Policy } from '../../../policy.ts';
import { manifestEntry } from '../manifest.ts';
import { compareVersions } from '../version.ts';
import { contentOf, signedCms, signersLike } from './cms.ts';
import {
  bundleSource,
  formatsDoc,
  mustReject,
  regionsOf,
  replaceCms,
  u64be,
  type RaucInput,
  type RaucMutation,
} from './common.ts';

/** The CMS signed by the test key over other content, and by others beside it where the device wants several. */
function signAnew(input: RaucInput, cms: Uint8Array, content: ByteSource): Buffer | string {
  const first = goodSigner(signersLike(input));
  if (first === undefined) return 'the test key is of a kind that is not signed with here';
  const keys = withCosigners(signersLike(input), first);
  if (typeof keys === 'string') return keys;
  return cosigned(cms, keys, content, input.random) ?? 'the CMS cannot be signed anew';
}

interface Resigned {
  id: string;
  kind: RaucMutation['kind'];
  name: string;
  rationale: string;
  references?: readonly string[];
  expectation?: Expectation | ((policy: Policy) => Expectation);
  refusedFor?: string;
  /** Another manifest, as text; a reason when it cannot be made. */
  manifest: (text: string, input: RaucInput) => string | { not: string };
}

/** A verity bundle whose manifest was changed and signed anew. */
function resignedManifest({ manifest, refusedFor, ...described }: Resigned): RaucMutation {
  return {
    references: [formatsDoc, 'RAUC src/manifest.c, check_manifest_external'],
    attackerModel: 'insider',
    needs: ['test-key'],
    expectation: mustReject,
    ...described,
    plan: (input) => {
      const cms = signedCms(input);
      if (input.image.bundleFormat !== 'verity' || cms === undefined) {
        return { doesNotApply: 'its manifest is not in its signature' };
      }
      const text = Buffer.from(materialText(input)).toString('latin1');
      const changed = manifest(text, input);
      if (typeof changed !== 'string') return { doesNotApply: changed.not };
      const content = Buffer.from(changed, 'latin1');
      const carrying = withContent(cms, content);
      const signed =
        carrying === undefined
          ? 'the CMS cannot be edited so'
          : signAnew(input, carrying, bytesSource(content));
      if (typeof signed === 'string') return { doesNotApply: signed };
      return { ...replaceCms(input.image, signed), ...(refusedFor === undefined ? {} : { refusedFor }) };
    },
  };
}

function materialText(input: RaucInput): Uint8Array {
  const content = contentOf(input);
  return content.read(0, content.size);
}

/** The value of the entry that counts replaced, or its line removed. */
function edit(
  group: string,
  key: string,
  change: (value: string) => string | undefined,
): (text: string, input: RaucInput) => string | { not: string } {
  return (text, { image }) => {
    const entry = manifestEntry(image.manifest, group, key);
    const start = image.cms?.content?.start ?? 0;
    if (entry === undefined) return { not: `its manifest has no ${key}` };
    const to = change(entry.value);
    if (to !== undefined) return `${text.slice(0, entry.start - start)}${to}${text.slice(entry.end - start)}`;
    const lineStart = text.lastIndexOf('\n', entry.start - start) + 1;
    return text.slice(0, lineStart) + text.slice(entry.end - start + 1);
  };
}

const removed = (): undefined => undefined;
const refuseOrIgnore = (refuse: boolean): Expectation => (refuse ? mustReject : { class: 'benign-accept' });

const control: RaucMutation = {
  id: 'rauc-resigned',
  kind: 'metadata',
  name: 'signed anew by the test key, nothing else changed',
  rationale:
    'The control of all that is signed by the test key: a device that refuses this trusts the key not.',
  references: ['RAUC documentation, Advanced, "Resigning Bundles"'],
  attackerModel: 'insider',
  needs: ['test-key'],
  expectation: { class: 'must-accept' },
  plan: (input) => {
    const cms = signedCms(input);
    if (cms === undefined) return { doesNotApply: 'its signed data is encrypted' };
    const signed = signAnew(input, cms, contentOf(input));
    return typeof signed === 'string' ? { doesNotApply: signed } : replaceCms(input.image, signed);
  },
};

const lowest = '0.0.0';

const manifests = [
  resignedManifest({
    id: 'rauc-resigned-lower-version',
    kind: 'rollback',
    name: `signed anew as version ${lowest}`,
    rationale:
      'A lower version with a good signature is what a rollback is. The floor must not lie in the bundle.',
    references: ['RB-01', 'RAUC documentation, Reference, min-bundle-version'],
    expectation: byPolicy('lowerVersion', (value) => refuseOrIgnore(value === 'refuse')),
    manifest: (text, input) => {
      const version = manifestEntry(input.image.manifest, 'update', 'version')?.value ?? '';
      if ((compareVersions(lowest, version) ?? 0) >= 0)
        return { not: `${lowest} is not below version ${version || '(none)'}` };
      return edit('update', 'version', () => lowest)(text, input);
    },
  }),
  resignedManifest({
    id: 'rauc-resigned-lower-version-reads-higher',
    kind: 'rollback',
    name: 'signed anew as a lower version that comes later in the alphabet',
    rationale: '1.9 is below 1.10, as numbers are, though not as text is.',
    references: ['RB-06', 'Semantic Versioning 2.0.0, 11'],
    expectation: byPolicy('lowerVersion', (value) => refuseOrIgnore(value === 'refuse')),
    manifest: (text, input) => {
      const version = manifestEntry(input.image.manifest, 'update', 'version')?.value ?? '';
      const to = version.replace(/^(v?\d*\.?\d*\.?)[1-8]\d+/, '$19');
      return to === version || (compareVersions(to, version) ?? 0) >= 0
        ? { not: `no part of version ${version || '(none)'} is a number of two digits below 90` }
        : edit('update', 'version', () => to)(text, input);
    },
  }),
  resignedManifest({
    id: 'rauc-resigned-no-version',
    kind: 'rollback',
    name: 'signed anew without a version',
    rationale: 'What has no version is not above any.',
    references: ['RB-06', 'RAUC documentation, Reference, min-bundle-version'],
    expectation: byPolicy('lowerVersion', (value) => refuseOrIgnore(value === 'refuse')),
    manifest: edit('update', 'version', removed),
  }),
  resignedManifest({
    id: 'rauc-resigned-other-compatible',
    kind: 'compatibility',
    name: 'signed anew for another device',
    rationale: 'One key signs for several products. What a bundle is for, its manifest says.',
    references: ['SIG-25', 'RAUC src/install.c, verify_compatible'],
    expectation: byPolicy('hardwareCompatibility', (value) => refuseOrIgnore(value === 'checked')),
    manifest: edit('update', 'compatible', (value) => `${value} (other)`),
  }),
  resignedManifest({
    id: 'rauc-resigned-no-compatible',
    kind: 'compatibility',
    name: 'signed anew without saying what it is for',
    rationale: 'Nothing to compare with is no match.',
    refusedFor: 'manifest',
    manifest: edit('update', 'compatible', removed),
  }),
  resignedManifest({
    id: 'rauc-resigned-format-plain',
    kind: 'downgrade',
    name: 'signed anew with a manifest that says to be of a plain bundle',
    rationale:
      'A plain bundle has its payload signed. With this manifest nobody would check the payload at all.',
    references: ['RAUC src/bundle.c, check_bundle'],
    refusedFor: 'manifest',
    manifest: edit('bundle', 'format', () => 'plain'),
  }),
  resignedManifest({
    id: 'rauc-resigned-format-missing',
    kind: 'downgrade',
    name: 'signed anew with a manifest that says no format',
    rationale: 'No format means plain, and a plain bundle is not signed by way of its manifest.',
    references: ['RAUC src/manifest.c, parse_manifest'],
    refusedFor: 'manifest',
    manifest: edit('bundle', 'format', removed),
  }),
  resignedManifest({
    id: 'rauc-resigned-format-crypt',
    kind: 'downgrade',
    name: 'signed anew with a manifest of an encrypted bundle, in the clear',
    rationale: 'It has no key for its payload, which is not encrypted.',
    refusedFor: 'manifest',
    manifest: edit('bundle', 'format', () => 'crypt'),
  }),
  resignedManifest({
    id: 'rauc-resigned-other-root',
    kind: 'payload',
    name: 'signed anew over another root hash',
    rationale: 'The signature is good, and the payload is not what was signed.',
    references: ['SIG-02', bundleSource],
    refusedFor: 'verity-root',
    manifest: edit(
      'bundle',
      'verity-hash',
      (value) => `${value.startsWith('0') ? '1' : '0'}${value.slice(1)}`,
    ),
  }),
  resignedManifest({
    id: 'rauc-resigned-no-root',
    kind: 'coverage',
    name: 'signed anew without a root hash',
    rationale: 'Without a root hash the payload is not covered.',
    refusedFor: 'manifest',
    manifest: edit('bundle', 'verity-hash', removed),
  }),
  resignedManifest({
    id: 'rauc-resigned-short-root',
    kind: 'coverage',
    name: 'signed anew with the first half of its root hash',
    rationale: 'A comparison over the length of what is there covers half.',
    refusedFor: 'manifest',
    manifest: edit('bundle', 'verity-hash', (value) => value.slice(0, 32)),
  }),
  resignedManifest({
    id: 'rauc-resigned-no-salt',
    kind: 'coverage',
    name: 'signed anew without a salt',
    rationale: 'No salt is not the same as one of 32 zeros.',
    refusedFor: 'manifest',
    manifest: edit('bundle', 'verity-salt', removed),
  }),
  resignedManifest({
    id: 'rauc-resigned-verity-size-zero',
    kind: 'structure',
    name: 'signed anew with a hash tree of no bytes',
    rationale: 'Then all is data, and the tree is installed with it.',
    refusedFor: 'manifest',
    manifest: edit('bundle', 'verity-size', () => '0'),
  }),
  resignedManifest({
    id: 'rauc-resigned-verity-size-unaligned',
    kind: 'structure',
    name: 'signed anew with a hash tree of 4095 bytes',
    rationale: 'Data and tree are whole blocks.',
    refusedFor: 'manifest',
    manifest: edit('bundle', 'verity-size', () => '4095'),
  }),
  resignedManifest({
    id: 'rauc-resigned-verity-size-beyond-payload',
    kind: 'structure',
    name: 'signed anew with a hash tree larger than the bundle',
    rationale: 'The size of the data is a difference, and negative here.',
    refusedFor: 'verity-size',
    manifest: (text, input) =>
      edit('bundle', 'verity-size', () => String(4096 * Math.ceil(input.image.size / 4096 + 1)))(text, input),
  }),
  resignedManifest({
    id: 'rauc-resigned-verity-size-huge',
    kind: 'structure',
    name: 'signed anew with a hash tree of 2^64−4096 bytes',
    rationale: 'As a signed number this is −4096: data would go 4096 bytes beyond its end.',
    manifest: edit('bundle', 'verity-size', () => String((1n << 64n) - 4096n)),
  }),
  resignedManifest({
    id: 'rauc-resigned-empty-manifest',
    kind: 'coverage',
    name: 'signed anew with an empty manifest',
    rationale: 'Content of no bytes is content, and no manifest.',
    refusedFor: 'manifest',
    manifest: () => '',
  }),
];

const asPlain: RaucMutation = {
  id: 'rauc-resigned-as-plain',
  kind: 'downgrade',
  name: 'signed anew as a plain bundle, without its hash tree',
  rationale: 'A device that takes verity bundles only must not take a plain one, whoever signed it.',
  references: ['SIG-21', 'RAUC documentation, Reference, bundle-formats'],
  attackerModel: 'insider',
  needs: ['test-key'],
  expectation: byPolicy('bundleFormats', (formats) => refuseOrIgnore(!formats.includes('plain'))),
  plan: (input) => {
    const { base, image } = input;
    const cms = signedCms(input);
    const detached = cms && withContent(cms, undefined);
    if (image.bundleFormat !== 'verity' || detached === undefined)
      return { doesNotApply: 'it is no verity bundle' };
    const signed = signAnew(input, detached, slice(base, 0, image.dataEnd));
    return typeof signed === 'string' ? { doesNotApply: signed } : replaceBehindData(input, signed);
  },
};

function replaceBehindData({ base, image }: RaucInput, cms: Uint8Array): Plan {
  const bytes = Buffer.concat([cms, u64be(BigInt(cms.length))]);
  const patches = [
    { at: image.dataEnd, remove: base.size - image.dataEnd, insert: [{ kind: 'bytes', bytes } as const] },
  ];
  return { patches, touches: regionsOf(image, patches) };
}

/** A plain bundle signed over a beginning of its payload. */
export function signedOver(input: RaucInput, bytes: number): Buffer | DoesNotApply {
  const cms = signedCms(input);
  if (input.image.bundleFormat !== 'plain' || cms === undefined)
    return { doesNotApply: 'it is no plain bundle' };
  const signed = signAnew(input, cms, slice(input.base, 0, bytes));
  return typeof signed === 'string' ? { doesNotApply: signed } : signed;
}

/** Up to the first byte of zero: what a string would be. */
export function bytesBeforeZero({ base, image }: RaucInput): number {
  const at = base.read(0, Math.min(image.payloadEnd, 65_536)).indexOf(0);
  return at < 0 ? Math.min(image.payloadEnd, 65_536) : at;
}

function signedPrefix(
  id: string,
  words: { name: string; rationale: string },
  bytesOf: (input: RaucInput) => number,
): RaucMutation {
  return {
    id: `rauc-signed-${id}`,
    kind: 'coverage',
    ...words,
    references: ['SIG-16', 'CVE-2026-34155', 'GHSA-6hj7-q844-m2hx'],
    attackerModel: 'insider',
    needs: ['test-key'],
    expectation: mustReject,
    plan: (input) => {
      const bytes = bytesOf(input);
      const signed = signedOver(input, bytes);
      if ('doesNotApply' in signed) return signed;
      return { ...replaceCms(input.image, signed), facts: { signedBytes: bytes }, refusedFor: 'digest' };
    },
  };
}

const prefixes = [
  signedPrefix(
    'up-to-zero',
    {
      name: 'signed over its payload up to the first zero byte',
      rationale:
        'What an overflowing length made of bundles between 2 and 4 GiB: the payload was signed as if it were a string.',
    },
    bytesBeforeZero,
  ),
  signedPrefix(
    'all-but-last-block',
    {
      name: 'signed over its payload without the last block',
      rationale: 'A signature covers everything before it, or the rest is anybody’s.',
    },
    ({ image }) => Math.max(0, image.payloadEnd - 4096),
  ),
];

export const resignedMutations: readonly RaucMutation[] = [control, ...manifests, asPlain, ...prefixes];
