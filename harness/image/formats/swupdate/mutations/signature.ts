/** Attacks on the signature of the description, be it CMS or bare RSA. */

import { valueByteOf } from '../../../crypto/value-byte.ts';
import { withSignature } from '../../../crypto/cms-edit.ts';
import { resigned, strangerLike, strangersCertificate } from '../../../crypto/cms-sign.ts';
import { edgeValues, type EdgeValue } from '../../../crypto/edge-values.ts';
import { publicHalf, signDigest } from '../../../crypto/sign-digest.ts';
import { digestOf } from '../../../digest.ts';
import { generateKeyPairSync } from 'node:crypto';
import type { Expectation } from '../../../mutation.ts';
import { overwrite } from '../../../patch-set.ts';
import { dataOf } from '../parse.ts';
import {
  attack,
  bytesIn,
  certificatesOf,
  mustReject,
  noCrash,
  planOf,
  replaceEntry,
  signedImages,
  streamSource,
  sumAfter,
  type SwupdateInput,
  type SwupdateMutation,
  type SwupdatePlan,
} from './common.ts';

const unsigned = { doesNotApply: 'the image is unsigned' };

/** Another signature in place of the genuine one, its entry made to fit. */
export function withSignatureBytes(
  input: SwupdateInput,
  signature: Uint8Array | undefined,
  refusedFor?: string,
): SwupdatePlan {
  const entry = input.image.signatureEntry;
  if (entry === undefined) return unsigned;
  if (signature === undefined) return { doesNotApply: 'the signature is not of a kind that can be made' };
  return planOf(input, [replaceEntry(entry, signature)], refusedFor === undefined ? {} : { refusedFor });
}

const stripped = attack({
  id: 'swupdate-strip-signature',
  kind: 'unsigned',
  depth: 'standard',
  name: 'without its signature',
  rationale: 'Nothing vouches for the description.',
  references: ['SIG-01', signedImages],
  plan: (input) => {
    const entry = input.image.signatureEntry;
    if (entry === undefined) return unsigned;
    return planOf(input, [{ at: entry.start, remove: entry.end - entry.start, insert: [] }], {
      refusedFor: 'unsigned',
    });
  },
});

const emptySignature = attack({
  id: 'swupdate-signature-empty',
  kind: 'unsigned',
  depth: 'standard',
  name: 'with a signature of no bytes',
  rationale: 'The file is there, and says nothing.',
  references: ['SIG-01', signedImages],
  plan: (input) => withSignatureBytes(input, Buffer.alloc(0), 'unsigned'),
});

const first = attack({
  id: 'swupdate-signature-first',
  kind: 'structure',
  name: 'with its signature before its description',
  rationale: 'The agent wants the description first and refuses; one that does not verifies the same bytes.',
  references: [`${streamSource}, STREAM_WAIT_SIGNATURE`],
  expectation: noCrash,
  plan: (input) => {
    const { descriptionEntry, signatureEntry } = input.image;
    if (descriptionEntry === undefined || signatureEntry === undefined) return unsigned;
    return planOf(input, [
      {
        at: 0,
        remove: signatureEntry.end,
        insert: [
          { kind: 'copy', start: signatureEntry.start, end: signatureEntry.end },
          { kind: 'copy', start: 0, end: signatureEntry.start },
        ],
      },
    ]);
  },
});

const last = attack({
  id: 'swupdate-signature-last',
  kind: 'structure',
  name: 'with its signature behind all images',
  rationale: 'Images would be installed before the signature arrives.',
  references: [`${streamSource}, STREAM_WAIT_SIGNATURE`],
  expectation: noCrash,
  plan: (input) => {
    const { signatureEntry, trailer } = input.image;
    if (signatureEntry === undefined || trailer === undefined) return unsigned;
    const { start, end } = signatureEntry;
    return planOf(input, [
      { at: start, remove: end - start, insert: [] },
      { at: trailer.start, remove: 0, insert: [{ kind: 'copy', start, end }] },
    ]);
  },
});

/** Where the value of the signature itself lies: all of a bare one, the OCTET STRING of a CMS. */
function valueSpan({ image }: SwupdateInput): { start: number; end: number } | undefined {
  const { cms, signatureEntry } = image;
  if (cms !== undefined) return cms.signers[0]?.signature;
  return signatureEntry && { start: signatureEntry.dataStart, end: signatureEntry.dataEnd };
}

function byteChanged(id: string, name: string, at: (value: Uint8Array) => number): SwupdateMutation {
  return attack({
    id: `swupdate-${id}`,
    kind: 'signature',
    depth: 'standard',
    invariants: ['same-length', 'signed-kept'],
    name,
    rationale: 'A signature that differs in one byte is none.',
    references: ['SIG-04', signedImages],
    plan: (input) => {
      const span = valueSpan(input);
      if (span === undefined || span.start >= span.end) return unsigned;
      const offset = span.start + at(input.base.read(span.start, span.end));
      const old = input.base.read(offset, offset + 1)[0] ?? 0;
      const raised = (old + 1) & 0xff;
      const { signatureEntry: entry } = input.image;
      // With a stale byte sum an agent that never looks at the value would refuse as well.
      const sum = entry?.magic === '070702' ? [sumAfter(entry, old, raised)] : [];
      return planOf(input, [...sum, overwrite(offset, Buffer.of(raised))], { refusedFor: 'signature' });
    },
  });
}

const transplanted = attack({
  id: 'swupdate-signature-transplanted',
  kind: 'transplant',
  depth: 'standard',
  name: 'with the signature of another genuine image',
  rationale: 'It is valid, for another description.',
  references: ['SIG-05', signedImages],
  attackerModel: 'stolen-old-image',
  needs: ['second-image'],
  plan: (input) => {
    const { second, image, base } = input;
    const other = second?.image.signatureEntry;
    const own = image.signatureEntry;
    if (second === undefined || other === undefined || own === undefined) return unsigned;
    const bytes = bytesIn(second.source, other);
    if (bytes.equals(bytesIn(base, own))) return { doesNotApply: 'the two have one signature' };
    const attributes = second.image.cms?.signers.every(
      ({ signedAttributes }) => signedAttributes !== undefined,
    );
    return withSignatureBytes(input, bytes, attributes === true ? 'digest' : 'signature');
  },
});

function unknownKey(own: boolean): SwupdateMutation {
  return attack({
    id: own ? 'swupdate-unknown-key-own-certificate' : 'swupdate-unknown-key',
    kind: own ? 'certificate' : 'foreign-key',
    depth: 'standard',
    name: own
      ? 'signed by a stranger under a certificate of their own'
      : 'signed by a key that nobody trusts',
    rationale: own
      ? 'A certificate that comes with the signature vouches for nothing by itself.'
      : 'The signature names the trusted signer, and is by another key.',
    references: ['SIG-06', signedImages],
    attackerModel: 'foreign-key',
    plan: (input) => {
      const { descriptionEntry, signatureEntry, cms } = input.image;
      if (descriptionEntry === undefined || signatureEntry === undefined) return unsigned;
      const content = dataOf(input.base, descriptionEntry);
      const signature = bytesIn(input.base, signatureEntry);
      if (cms === undefined) {
        return own
          ? { doesNotApply: 'a bare signature carries no certificate' }
          : withSignatureBytes(input, bareByStranger(input, signature.length), 'signature');
      }
      const { own: certificate } = certificatesOf(input);
      const key = own
        ? certificate && strangersCertificate(certificate.der, input.random)
        : strangerLike(signature, input.random);
      if (key === undefined) return { doesNotApply: 'the CMS has no certificate' };
      return withSignatureBytes(
        input,
        resigned(signature, key, content, input.random),
        own ? 'untrusted' : 'signature',
      );
    },
  });
}

/** PKCS #1 v1.5 by an RSA key of the same size, made at random. */
function bareByStranger({ base, image }: SwupdateInput, bytes: number): Buffer | undefined {
  const entry = image.descriptionEntry;
  if (entry === undefined || bytes < 128 || bytes > 1024) return undefined;
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: bytes * 8 });
  const digest = digestOf(base, 'sha256', { start: entry.dataStart, end: entry.dataEnd });
  return signDigest(privateKey, { type: 'rsa-pkcs1', hash: 'sha256' }, digest);
}

/** Ids of edge values; of which some exist for one kind of key only. */
const edges: readonly [id: string, name: string, expectation?: Expectation][] = [
  ['zero', 'of value zero'],
  ['one', 'of value one'],
  ['modulus', 'equal to the modulus'],
  ['modulus-minus-one', 'one below the modulus'],
  ['all-ones', 'of all ones'],
  ['leading-zero', 'with a zero byte in front', noCrash],
  ['zero-zero', 'with r = s = 0'],
  ['one-zero', 'with r = 1 and s = 0'],
  ['order-order', 'with r and s equal to the order'],
  ['r-plus-order', 'with the order added to r'],
  ['s-plus-order', 'with the order added to s'],
  ['s-negated', 'with s negated modulo the order', noCrash],
  ['long-length', 'with a length in more bytes than it needs', noCrash],
  ['trailing', 'with a byte behind its two numbers', noCrash],
  ['raw', 'as r and s one behind the other', noCrash],
];

function edge([id, name, expectation = mustReject]: (typeof edges)[number]): SwupdateMutation {
  return attack({
    id: `swupdate-edge-${id}`,
    kind: expectation === noCrash ? 'encoding' : 'edge-value',
    name: `with a signature ${name}`,
    rationale:
      expectation === noCrash
        ? 'The same signature in other bytes: strict agents refuse it, lenient ones let nothing in by it.'
        : 'Values at the edges of a scheme verify for anything where its ranges are not checked.',
    references: ['SIG-07', 'CVE-2022-21449', 'Wycheproof'],
    expectation,
    plan: (input) => {
      const value = edgesOf(input).find((candidate) => candidate.id === id);
      if (value === undefined) return { doesNotApply: 'keys of this kind have no such value' };
      const { signatureEntry, cms } = input.image;
      if (signatureEntry === undefined) return unsigned;
      const signature =
        cms === undefined ? value.value : withSignature(bytesIn(input.base, signatureEntry), value.value);
      return withSignatureBytes(input, signature, expectation === noCrash ? undefined : 'signature');
    },
  });
}

/** Of the signer's certificate; a bare signature is RSA, and its modulus is only known with the test key. */
function edgesOf(input: SwupdateInput): readonly EdgeValue[] {
  const span = valueSpan(input);
  const { cms } = input.image;
  const key =
    cms === undefined
      ? input.testKey?.kind === 'classic'
        ? publicHalf(input.testKey.key)
        : undefined
      : certificatesOf(input).own?.publicKey;
  return span === undefined || key === undefined
    ? []
    : edgeValues(key, input.base.read(span.start, span.end));
}

export const signatureMutations: readonly SwupdateMutation[] = [
  stripped,
  emptySignature,
  first,
  last,
  byteChanged('signature-first-byte-plus-one', 'with the value of its signature raised by one', valueByteOf),
  byteChanged(
    'signature-last-byte-plus-one',
    'with the last byte of its signature plus one',
    (value) => value.length - 1,
  ),
  transplanted,
  unknownKey(false),
  unknownKey(true),
  ...edges.map(edge),
];
