/** Attacks with the kind, the number and the headers of authentication blocks. */

import { createHmac } from 'node:crypto';
import {
  cborHead,
  cborMajors,
  cborRaw,
  encodeCborArray,
  encodeCborBytes,
  encodeCborInt,
  encodeCborMap,
} from '../../../codec/cbor.ts';
import { signatureInput } from '../cose.ts';
import { replaced, withBlocks, type Edit } from '../edit.ts';
import { coseHeaders, coseTags, manifestKeys } from '../labels.ts';
import { algorithmHeader, blockOf, signedBlock, strangerFor } from '../sign.ts';
import { attack, draft, harmless, type SuitInput, type SuitMutation } from './common.ts';
import { digestContent, firstSignature, rawBlocks, unsignedReason } from './auth-parts.ts';

const macs: SuitMutation[] = [
  attack({
    id: 'suit-mac0-relabelled',
    kind: 'downgrade',
    name: 'with its signature labelled as a message authentication code',
    rationale: 'The tag is unsigned: it must not lead to another check than the trusted key is for.',
    references: ['RFC 9052, 2 (tags)', 'RFC 8725, 2.1 (algorithm confusion)'],
    refusedFor: 'unsigned',
    alter: ({ base, image }) => {
      const one = firstSignature(image);
      if (one === undefined) return unsignedReason;
      const header = base.read(one.protected.headEnd, one.protected.end);
      const value = base.read(one.signature.headEnd, one.signature.end);
      return withBlocks(image, [blockOf(coseTags.mac0, header, cborRaw(base, one.unprotected), value)]);
    },
  }),
  attack({
    id: 'suit-mac0-zero-key',
    kind: 'downgrade',
    name: 'with a code made with a key of zeros in place of its signature',
    rationale: 'A slot for a symmetric key that was never filled holds zeros.',
    references: ['RFC 9052, 6', 'RFC 8725, 2.1 (algorithm confusion)'],
    refusedFor: 'unsigned',
    alter: ({ base, image }) => withMac(image, base, Buffer.alloc(32)),
  }),
  attack({
    id: 'suit-mac0-public-key',
    kind: 'downgrade',
    name: 'with a code made with the trusted public key as its secret',
    rationale:
      'A verifier that hands whatever key it has to whatever algorithm is named makes the public key a secret.',
    references: ['RFC 8725, 2.1 (algorithm confusion)', 'CVE-2015-9235'],
    needs: ['test-key'],
    refusedFor: 'unsigned',
    alter: ({ base, image, testKey }) => {
      if (testKey?.kind !== 'classic') return { doesNotApply: 'the test key is of no classic kind' };
      const { x = '', y = '' } = testKey.key.export({ format: 'jwk' });
      return withMac(image, base, Buffer.concat([Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]));
    },
  }),
];

function withMac(
  image: SuitInput['image'],
  base: SuitInput['base'],
  key: Buffer,
): Edit[] | typeof unsignedReason {
  if (firstSignature(image) === undefined) return unsignedReason;
  const header = algorithmHeader(5); // HMAC 256/256
  const message = signatureInput('MAC0', [header], digestContent(base, image));
  const code = createHmac('sha256', key).update(message).digest();
  return withBlocks(image, [blockOf(coseTags.mac0, header, undefined, code)]);
}

const attached = attack({
  id: 'suit-attached-payload',
  kind: 'coverage',
  name: 'altered, with the genuine digest inside the signature object',
  rationale:
    'The signature is good for the digest that it brings along. SUIT detaches the payload: what is inside the COSE object is not what was checked against the manifest.',
  references: [`${draft}, Authenticated Manifests`, 'RFC 9052, 4.4 (detached content)'],
  fresh: { digest: true },
  refusedFor: 'signature',
  alter: ({ base, image }) => {
    const number = image.manifest?.fields.find(({ label }) => label === manifestKeys.sequenceNumber)?.value;
    const blocks =
      image.auth?.blocks.filter(({ kind, payload }) => kind === 'sign1' && payload !== undefined) ?? [];
    if (number === undefined || blocks.length === 0) return unsignedReason;
    const genuine = encodeCborBytes(digestContent(base, image));
    const raised = replaced(number, encodeCborInt(number.argument + 1n));
    return [
      raised,
      ...blocks.flatMap(({ payload }) => (payload === undefined ? [] : [replaced(payload, genuine)])),
    ];
  },
});

const several: SuitMutation[] = (['before', 'after'] as const).flatMap((where) => [
  attack({
    id: `suit-stranger-${where}`,
    kind: 'injection',
    expectation: harmless,
    name: `with a stranger’s signature ${where} the genuine one`,
    rationale:
      'Several blocks are allowed: whether the device wants all of them good or one, it executes the same.',
    references: [`${draft}, Authenticated Manifests`],
    attackerModel: 'foreign-key',
    alter: ({ base, image, random }) => {
      const one = firstSignature(image);
      if (one === undefined) return unsignedReason;
      const strange = signedBlock(strangerFor(one.algorithm, random), digestContent(base, image));
      const blocks = rawBlocks(base, image);
      return withBlocks(image, where === 'before' ? [strange, ...blocks] : [...blocks, strange]);
    },
  }),
  attack({
    id: `suit-damaged-${where}`,
    kind: 'injection',
    expectation: harmless,
    name: `with a damaged copy of its signature ${where} the genuine one`,
    rationale:
      'A failed check must not leave a state behind that makes the next one succeed, or the device crash.',
    references: [`${draft}, Authenticated Manifests`],
    alter: ({ base, image }) => {
      const blocks = rawBlocks(base, image);
      const [first] = blocks;
      if (first === undefined || firstSignature(image) === undefined) return unsignedReason;
      const damaged = Buffer.from(first);
      damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1;
      return withBlocks(image, where === 'before' ? [damaged, ...blocks] : [...blocks, damaged]);
    },
  }),
]);

const many = attack({
  id: 'suit-many-blocks',
  kind: 'resource',
  expectation: harmless,
  name: 'with its signature two hundred times',
  rationale: 'Each block costs an operation with the public key: their number must be bounded, or harmless.',
  references: [`${draft}, Authenticated Manifests`, 'CWE-770'],
  alter: ({ base, image }) => {
    const blocks = rawBlocks(base, image);
    return blocks.length === 0 || blocks.length > 50
      ? { doesNotApply: 'it has no block, or many already' }
      : withBlocks(image, Array.from({ length: Math.floor(200 / blocks.length) }, () => blocks).flat());
  },
});

const otherId = attack({
  id: 'suit-key-id-altered',
  kind: 'metadata',
  expectation: harmless,
  invariants: ['signed-kept', 'signature-kept'],
  name: 'with another key id in its unprotected header',
  rationale: 'The id is a hint: with a wrong one a device may look for the key in vain, or try what it has.',
  references: ['RFC 9052, 3.1 (kid)'],
  alter: ({ image, random }) => {
    const one = firstSignature(image);
    if (one === undefined) return unsignedReason;
    const id = encodeCborMap([encodeCborInt(coseHeaders.keyId), encodeCborBytes(random('key id', 8))]);
    return [replaced(one.unprotected, id)];
  },
});

const nested = attack({
  id: 'suit-unprotected-nested',
  kind: 'resource',
  expectation: { class: 'no-crash-only' },
  name: 'with lists nested two thousand deep in its unprotected header',
  rationale: 'The header is read before anything is verified: a decoder that recurses needs a bound.',
  references: ['RFC 8949, 10 (nesting)', 'CWE-674'],
  alter: ({ image }) => {
    const one = firstSignature(image);
    if (one === undefined) return unsignedReason;
    const deep = Buffer.concat([Buffer.alloc(2000, cborHead(cborMajors.array, 1)), encodeCborArray()]);
    return [replaced(one.unprotected, encodeCborMap([encodeCborInt(99), deep]))];
  },
});

export const blockMutations: readonly SuitMutation[] = [...macs, attached, ...several, many, otherId, nested];
