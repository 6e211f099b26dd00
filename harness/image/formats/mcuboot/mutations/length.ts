/** Attacks on the length of MCUboot images. */

import type { ByteSource } from '../../../byte-source.ts';
import type { McubootImage } from '../parse.ts';
import { headerBytes, tlvInfoBytes } from '../layout.ts';
import { regionNamed } from '../../../image.ts';
import { cut } from '../../../patch-set.ts';
import { mustReject, refusedFor, type McubootMutation } from './common.ts';

function appended(bytes: number, words: string): McubootMutation {
  return {
    id: `mcuboot-appended-${bytes}`,
    kind: 'appended',
    depth: 'standard',
    invariants: ['base-is-prefix'],
    name: `with ${words} appended`,
    rationale:
      'What lies behind the image is unsigned: it may be refused or ignored, and must never be executed.',
    references: ['SIG-14', 'MCUboot issue #1894', 'RFC 9124, THREAT.IMG.EXTRA'],
    attackerModel: 'network',
    needs: [],
    // Undeclared, it may be refused or ignored; either way the bytes that run are the genuine ones.
    expectation: ({ appendedData }) => (appendedData === 'refuse' ? mustReject : { class: 'benign-accept' }),
    plan: ({ base, policy, random }) => {
      // Neither 0x00 nor 0xff: that would pass for erased flash.
      const byte = 1 + ((random('fill', 1)[0] ?? 0) % 0xfe);
      return {
        patches: [{ at: base.size, remove: 0, insert: [{ kind: 'fill', byte, count: bytes }] }],
        touches: ['end-of-file'],
        ...(policy.appendedData === 'refuse' ? { refusedFor: 'appended' } : {}),
      };
    },
  };
}

function truncated(
  id: string,
  name: string,
  endOf: (image: McubootImage) => number | undefined,
  depth: 'standard' | 'full' = 'full',
): McubootMutation {
  return {
    id: `mcuboot-truncated-${id}`,
    kind: 'truncated',
    depth,
    invariants: ['is-prefix-of-base'],
    name,
    rationale: 'A transfer that broke off, or was broken off, must not leave an image that runs.',
    references: ['SIG-15', 'FWU T.PARTIAL_UPDATE'],
    attackerModel: 'network',
    needs: [],
    expectation: mustReject,
    plan: ({ base, image }) => {
      const wanted = endOf(image);
      if (wanted === undefined || wanted >= image.imageEnd)
        return { doesNotApply: 'the image is unsigned or empty' };
      const end = beforeErased(base, wanted, image.imageEnd);
      return refusedFor(
        {
          patches: [cut(end, base.size - end)],
          touches: image.regions.filter((region) => region.end > end).map(({ name }) => name),
          facts: { bytesLeft: end },
        },
        'truncated',
      );
    },
  };
}

/**
 * Where to cut so that something is missing: bytes that look like erased flash are back again once the rest is written
 * to an erased slot, and the image is whole.
 */
function beforeErased(source: ByteSource, wanted: number, imageEnd: number): number {
  const erased = (at: number): boolean => [0x00, 0xff].includes(source.read(at, at + 1)[0] ?? 0);
  for (let at = imageEnd - 1; at >= wanted; at -= 1) if (!erased(at)) return wanted;
  let end = wanted;
  while (end > 0 && erased(end)) end -= 1;
  return end;
}

const truncations = [
  truncated('one-byte', 'one byte short', (image) => image.imageEnd - 1, 'standard'),
  truncated('half', 'cut in half', (image) => Math.floor(image.imageEnd / 2), 'standard'),
  truncated('before-signature', 'cut just before its signature', firstSignatureAt, 'standard'),
  truncated('in-header', 'cut in the middle of its header', () => headerBytes / 2),
  truncated('before-payload', 'cut behind its header', (image) => image.header?.fields.hdr_size),
  truncated('before-protected', 'cut behind its payload', (image) => image.protectedArea?.start),
  truncated('before-tlvs', 'cut behind all that is signed', (image) => image.signedEnd),
  truncated('behind-tlv-info', 'cut behind the header of its unprotected area', (image) =>
    image.unprotectedArea === undefined ? undefined : image.unprotectedArea.start + tlvInfoBytes,
  ),
  truncated('in-signature', 'cut in the middle of its signature', (image) => {
    const signature = image.regions.find(({ coverage }) => coverage === 'signature');
    return signature === undefined ? undefined : Math.floor((signature.start + signature.end) / 2);
  }),
];

function firstSignatureAt(image: McubootImage): number | undefined {
  return image.tlvs.find(({ region }) => regionNamed(image, region)?.coverage === 'signature')?.start;
}

export const lengthMutations: readonly McubootMutation[] = [
  appended(1, 'one byte'),
  appended(4096, '4 KiB'),
  ...truncations,
];
