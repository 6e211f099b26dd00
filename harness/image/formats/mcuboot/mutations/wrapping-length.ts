/**
 * A length that wraps round 32 bits: header and payload together end inside the header, the TLVs lie there, and what is
 * signed ends with them. The rest of the file is what it was, and nobody's word is for it.
 */

import { entriesOf, encodeEntry, setHeader, type Entry } from '../edit.ts';
import { encodeUint, headerBytes, tlvMagic } from '../layout.ts';
import type { McubootImage, TlvArea } from '../parse.ts';
import { freshEntries, signingKey } from '../resign.ts';
import { overwrite, patched, PatchSet, type Patch } from '../../../patch-set.ts';
import { mustReject, planOf, validateSource, type McubootInput, type McubootMutation } from './common.ts';

/** A header of fewer bytes has no room for a digest, a key's name and a signature. */
const leastHeaderBytes = 0x100;

/** Where header and payload end together, modulo 2^32: right behind the fields of the header. */
const wrappedEnd = headerBytes;

const lengthWraps: McubootMutation = {
  id: 'mcuboot-resigned-length-wraps',
  kind: 'coverage',
  name: 'signed anew over its header alone, by a payload size that wraps round 2³², its payload altered',
  rationale:
    'Sizes that are added in 32 bits end where the attacker wants: the signature is good for a beginning, and what is executed lies behind it.',
  references: ['SIG-16', 'CWE-190', `${validateSource}, boot_add_u32 and BOOT_TLV_OFF`],
  attackerModel: 'insider',
  needs: ['test-key'],
  expectation: mustReject,
  plan: (input) => {
    const { base, image } = input;
    const { hdr_size: headerSize = 0, img_size: payloadBytes = 0 } = image.header?.fields ?? {};
    if (headerSize < leastHeaderBytes) {
      return { doesNotApply: `its header has ${headerSize} bytes, of which TLVs need ${leastHeaderBytes}` };
    }
    const [first] = base.read(headerSize, headerSize + 1);
    if (payloadBytes === 0 || first === undefined) return { doesNotApply: 'it has no payload' };
    const key = signingKey(input);
    if ('doesNotApply' in key) return key;
    const signed = signedPatches(input, headerSize);
    const end = wrappedEnd + protectedBytes(image);
    const altered = patched(base, new PatchSet(base.size, signed));
    const unprotected = area(image, 'unprotected', freshEntries(input, key, altered, end));
    if (end + unprotected.length > headerSize) {
      return {
        doesNotApply: `its header of ${headerSize} bytes has no room for ${unprotected.length} of TLVs`,
      };
    }
    const patches = [...signed, overwrite(end, unprotected), overwrite(headerSize, Buffer.of(first ^ 1))];
    return planOf(input, patches, {
      refusedFor: 'truncated',
      facts: { imgSize: 2 ** 32 + wrappedEnd - headerSize, signedBytes: end },
    });
  },
};

/** The header's size of the payload, and the protected entries behind its fields. */
function signedPatches({ base, image }: McubootInput, headerSize: number): Patch[] {
  const size = setHeader(image, 'img_size', 2 ** 32 + wrappedEnd - headerSize);
  if (image.protectedArea === undefined) return [size];
  return [size, overwrite(wrappedEnd, area(image, 'protected', entriesOf(base, image, 'protected')))];
}

function protectedBytes({ protectedArea }: McubootImage): number {
  return protectedArea === undefined ? 0 : protectedArea.end - protectedArea.start;
}

function area({ endian }: McubootImage, kind: TlvArea['kind'], entries: readonly Entry[]): Buffer {
  const body = Buffer.concat(entries.map((entry) => encodeEntry(entry, endian)));
  return Buffer.concat([encodeUint(tlvMagic[kind], 2, endian), encodeUint(body.length + 4, 2, endian), body]);
}

export const wrappingMutations: readonly McubootMutation[] = [lengthWraps];
