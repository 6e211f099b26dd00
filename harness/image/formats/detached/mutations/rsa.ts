/**
 * Attacks on RSA signatures: degenerate numbers, the forgeries that lenient padding checks allow, other paddings.
 *
 * Source: RFC 8017, 5.2.2, 8.1, 8.2, 9; Finney, "Bleichenbacher’s RSA signature forgery based on implementation error"
 * (2006); CVE-2006-4339, CVE-2014-1568.
 */

import { createPublicKey, type KeyObject } from 'node:crypto';
import type { DigestAlgorithm } from '../../../digest.ts';
import { digestOf } from '../../../digest.ts';
import { rsaNumbers, toBytes, toNumber } from '../../../crypto/key-bytes.ts';
import { digestInfoWithoutNull, encodePss, pkcs1Block, signBlock } from '../../../crypto/rsa.ts';
import type { SignatureScheme } from '../../../crypto/signature.ts';
import { digestInfo } from '../../../crypto/verify-digest.ts';
import type { DoesNotApply } from '../../../mutation.ts';
import {
  malleable,
  resigned,
  surplus,
  type ExpectationRule,
  type SignatureAttack,
  type SignatureContext,
} from './common.ts';

type RsaScheme = Extract<SignatureScheme, { type: 'rsa-pkcs1' | 'rsa-pss' }>;

const numbersRfc = 'RFC 8017, 5.2.2';
const paddingRfc = 'RFC 8017, 8.2.2 and 9.2';

function number(id: string, name: string, value: bigint): SignatureAttack {
  return {
    id: `rsa-signature-${id}`,
    kind: 'edge-value',
    name,
    rationale: 'These numbers are their own e-th power: no key is needed for them.',
    references: ['SIG-07', numbersRfc, 'Wycheproof, flag SignatureMalleability'],
    forge: ({ signature }) => toBytes(value, signature.length),
  };
}

const plainNumbers: readonly SignatureAttack[] = [
  number('zero', 'with the number 0 for a signature', 0n),
  number('one', 'with the number 1 for a signature', 1n),
  {
    id: 'rsa-signature-zero-in-front',
    kind: 'encoding',
    resizes: true,
    expectation: malleable,
    name: 'with a zero byte in front of its signature',
    rationale: 'A signature is as long as the modulus, to the byte.',
    references: ['SIG-08', 'RFC 8017, 8.2.2, step 1'],
    forge: ({ signature }) => Buffer.concat([Buffer.alloc(1), signature]),
  },
  {
    id: 'rsa-padding-plain',
    kind: 'edge-value',
    name: 'with the padded digest itself for a signature',
    rationale: 'An exponent of 1, or an operation left out, compares the message with itself.',
    references: ['SIG-07', paddingRfc],
    forge: ({ signature, message, scheme }) =>
      pkcs1Block(infoOf(hashOf(scheme), digestOf(message, hashOf(scheme))), signature.length),
  },
];

function hashOf(scheme: SignatureScheme): DigestAlgorithm {
  return scheme.type === 'rsa-pkcs1' || scheme.type === 'rsa-pss' ? scheme.hash : 'sha256';
}

function infoOf(hash: DigestAlgorithm, digest: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(digestInfo[hash], 'hex'), digest]);
}

interface Signing {
  key: KeyObject;
  n: bigint;
  e: bigint;
  /** Bytes of the modulus. */
  bytes: number;
  digest: Buffer;
  hash: DigestAlgorithm;
}

/** What signing by hand needs; the test key must be RSA, and its modulus as long as the genuine signature. */
function withKey(
  context: SignatureContext,
  forge: (signing: Signing) => Uint8Array | DoesNotApply,
): Uint8Array | DoesNotApply {
  const { testKey } = context.input;
  if (testKey?.kind !== 'classic' || testKey.key.asymmetricKeyType !== 'rsa')
    return { doesNotApply: 'there is no RSA test key' };
  const numbers = rsaNumbers(createPublicKey(testKey.key));
  if (numbers.bytes !== context.signature.length)
    return { doesNotApply: 'the modulus of the test key has another length than the signature' };
  const hash = hashOf(context.scheme);
  return forge({ key: testKey.key, ...numbers, hash, digest: digestOf(context.message, hash) });
}

function signed(
  id: string,
  words: { name: string; rationale: string; references?: readonly string[]; expectation?: ExpectationRule },
  block: (signing: Signing, context: SignatureContext) => Buffer | undefined,
): SignatureAttack {
  return {
    kind: 'encoding',
    attackerModel: 'insider',
    needs: ['test-key'],
    references: [
      'SIG-08',
      paddingRfc,
      'Wycheproof, flags ModifiedPadding, InvalidPadding, InvalidAsnInPadding',
    ],
    ...words,
    id: `rsa-${id}`,
    forge: (context) =>
      withKey(context, (signing) => {
        const encoded = block(signing, context);
        if (encoded === undefined || encoded.length !== signing.bytes)
          return { doesNotApply: 'the modulus is too short for it' };
        return signBlock(signing.key, encoded);
      }),
  };
}

/** Numbers that need the modulus. */
const modulusNumbers: readonly SignatureAttack[] = [
  {
    id: 'rsa-signature-modulus',
    kind: 'edge-value',
    needs: ['test-key'],
    name: 'with the modulus for a signature',
    rationale: 'The modulus is zero modulo itself, and out of range.',
    references: ['SIG-07', numbersRfc, 'Wycheproof, flag SignatureMalleability'],
    forge: (context) => withKey(context, ({ n, bytes }) => toBytes(n, bytes)),
  },
  {
    id: 'rsa-signature-modulus-minus-one',
    kind: 'edge-value',
    needs: ['test-key'],
    name: 'with the modulus less one for a signature',
    rationale: 'Minus one to an odd power is minus one: no private key is needed.',
    references: ['SIG-07', numbersRfc, 'Wycheproof, flag SignatureMalleability'],
    forge: (context) => withKey(context, ({ n, bytes }) => toBytes(n - 1n, bytes)),
  },
  {
    id: 'rsa-signature-plus-modulus',
    kind: 'edge-value',
    needs: ['test-key'],
    name: 'with the modulus added to its signature',
    rationale: 'Without the check against the modulus every signature has a second form.',
    references: ['SIG-07', numbersRfc, 'Wycheproof, flag SignatureMalleability'],
    forge: (context) =>
      withKey(context, ({ n, bytes }) => {
        // With PSS every salt gives another signature; some leave room below the next power of two.
        for (let attempt = 0; attempt < (context.scheme.type === 'rsa-pss' ? 64 : 1); attempt += 1) {
          const random = (label: string, count: number): Buffer =>
            context.random(`${label} ${attempt}`, count);
          const good = resigned({ ...context, random });
          if ('doesNotApply' in good) return good;
          const sum = toNumber(good) + n;
          if (sum < 1n << BigInt(8 * bytes)) return toBytes(sum, bytes);
        }
        return { doesNotApply: 'the sum of this signature and the modulus has no room' };
      }),
  },
];

function padded(front: readonly number[], filler: number, info: Buffer, bytes: number): Buffer {
  const filling = Buffer.alloc(bytes - front.length - info.length - 1, filler);
  return Buffer.concat([Buffer.from(front), filling, Buffer.of(0), info]);
}

const garbageRationale =
  'A check that stops behind the digest lets anybody forge for keys with e = 3 (CVE-2006-4339).';

function pkcs1Paddings(): SignatureAttack[] {
  return [
    signed(
      'garbage-after-digest',
      {
        name: 'with garbage behind the digest in its padding',
        rationale: garbageRationale,
        references: ['CVE-2006-4339', paddingRfc],
      },
      ({ hash, digest, bytes }, { random }) => {
        const front = Buffer.concat([
          Buffer.of(0, 1),
          Buffer.alloc(8, 0xff),
          Buffer.of(0),
          infoOf(hash, digest),
        ]);
        return Buffer.concat([front, random('garbage', bytes - front.length)]);
      },
    ),
    signed(
      'garbage-in-parameters',
      {
        name: 'with garbage in the parameters of its digest algorithm',
        rationale: 'Parameters that are skipped hide as much garbage as is wanted (BERserk, CVE-2014-1568).',
        references: ['CVE-2014-1568', paddingRfc],
      },
      ({ hash, digest, bytes }) =>
        pkcs1Block(infoWithParameters(hash, digest, Buffer.of(4, 4, 1, 2, 3, 4)), bytes),
    ),
    signed(
      'missing-null',
      {
        name: 'without NULL in its digest algorithm',
        rationale: 'Some signers leave the parameters out: tolerated by some, another encoding in any case.',
        references: ['RFC 8017, 9.2, note 1, and A.2.4', 'Wycheproof, flag MissingNull'],
        expectation: surplus,
      },
      ({ hash, digest, bytes }) => pkcs1Block(digestInfoWithoutNull(hash, digest), bytes),
    ),
    signed(
      'short-padding',
      {
        name: 'with seven bytes of padding in front and zeros behind',
        rationale: 'Eight bytes of padding are the least, and nothing follows the digest.',
      },
      ({ hash, digest, bytes }) => {
        const front = Buffer.concat([
          Buffer.of(0, 1),
          Buffer.alloc(7, 0xff),
          Buffer.of(0),
          infoOf(hash, digest),
        ]);
        return Buffer.concat([front, Buffer.alloc(bytes - front.length)]);
      },
    ),
    signed(
      'no-digest-info',
      {
        name: 'with the bare digest in its padding',
        rationale: 'Without the name of the hash the digest of any other is as good.',
        references: ['SIG-08', paddingRfc, 'Wycheproof, flag NoHash'],
      },
      ({ digest, bytes }) => pkcs1Block(digest, bytes),
    ),
    signed(
      'encryption-padding',
      { name: 'with the padding of an encryption', rationale: 'Block type 2 is not for signatures.' },
      ({ hash, digest, bytes }) => padded([0, 2], 0xff, infoOf(hash, digest), bytes),
    ),
    signed(
      'padding-not-ff',
      {
        name: 'with other padding bytes than FF',
        rationale: 'Bytes that are not looked at are the attacker’s.',
      },
      ({ hash, digest, bytes }) => padded([0, 1], 0xfe, infoOf(hash, digest), bytes),
    ),
  ];
}

/** DigestInfo with other parameters than NULL. */
function infoWithParameters(hash: DigestAlgorithm, digest: Buffer, parameters: Buffer): Buffer {
  const full = Buffer.from(digestInfo[hash], 'hex');
  const info = Buffer.concat([full.subarray(0, -4), parameters, full.subarray(-2), digest]);
  const grown = parameters.length - 2;
  info[1] = (info[1] ?? 0) + grown;
  info[3] = (info[3] ?? 0) + grown;
  return info;
}

const weaker: Readonly<Record<DigestAlgorithm, DigestAlgorithm>> = {
  sha1: 'sha256',
  sha256: 'sha1',
  sha384: 'sha256',
  sha512: 'sha256',
};

function otherScheme(
  id: string,
  name: string,
  rationale: string,
  other: (scheme: RsaScheme) => RsaScheme,
): SignatureAttack {
  return {
    id: `rsa-${id}`,
    kind: 'downgrade',
    attackerModel: 'insider',
    needs: ['test-key'],
    name,
    rationale,
    references: ['SIG-08', 'RFC 8017, 8', 'Wycheproof, flags WrongHash, WrongPrimitive'],
    forge: (context) =>
      context.scheme.type === 'rsa-pkcs1' || context.scheme.type === 'rsa-pss'
        ? resigned(context, other(context.scheme))
        : { doesNotApply: 'the signature is not RSA' },
  };
}

const otherHash = otherScheme(
  'other-hash',
  'signed by a trusted key with another hash',
  'The hash is part of what the device demands, not of what the signature offers.',
  (scheme) => ({ ...scheme, hash: weaker[scheme.hash] }),
);

const pssInstead = otherScheme(
  'pss-instead-of-pkcs1',
  'signed by a trusted key with PSS instead of PKCS #1 v1.5',
  'One padding is declared; the other is another scheme.',
  ({ hash }) => ({ type: 'rsa-pss', hash, saltBytes: 32 }),
);

const pkcs1Instead = otherScheme(
  'pkcs1-instead-of-pss',
  'signed by a trusted key with PKCS #1 v1.5 instead of PSS',
  'One padding is declared; the other, the weaker one, is another scheme.',
  ({ hash }) => ({ type: 'rsa-pkcs1', hash }),
);

function pssPaddings(saltBytes: number | undefined): SignatureAttack[] {
  const lengths = [0, 20, 32, 48, 64].filter((bytes) => bytes !== saltBytes);
  return [
    ...[0, ...lengths.filter((bytes) => bytes > 0).slice(0, 1)]
      .filter((bytes) => bytes !== saltBytes)
      .map((bytes) =>
        signed(
          `pss-salt-${bytes}`,
          {
            name: `with ${bytes} bytes of salt in its padding`,
            rationale:
              'The length of the salt is a parameter of the scheme; some verifiers read it from the signature.',
            references: [
              'RFC 8017, 8.1.2 and 9.1.2',
              'Wycheproof, RSASSA-PSS vectors with other salt lengths',
            ],
            expectation: saltBytes === undefined ? { class: 'no-crash-only' } : surplus,
          },
          ({ hash, digest, bytes: modulus }, { random }) =>
            encodePss(hash, digest, random('salt', bytes), modulus * 8),
        ),
      ),
    ...(
      [
        [
          'trailer',
          'with CC for the last byte of its padding',
          (block: Buffer) => void (block[block.length - 1] = 0xcc),
        ],
        [
          'masked',
          'with one bit of its masked block flipped',
          (block: Buffer) => void (block[5] = (block[5] ?? 0) ^ 1),
        ],
      ] as const
    ).map(([id, name, damage]) =>
      signed(
        `pss-${id}`,
        {
          name,
          rationale: 'Every byte of the padding is checked.',
          references: ['RFC 8017, 9.1.2', 'Wycheproof, RSASSA-PSS, flag ModifiedSignature'],
        },
        ({ hash, digest, bytes }, { random }) => {
          const block = encodePss(hash, digest, random('salt', saltBytes ?? digest.length), bytes * 8);
          if (block !== undefined) damage(block);
          return block;
        },
      ),
    ),
  ];
}

/** The smallest number whose cube is not below a value. */
function cubeRoot(value: bigint): bigint {
  let low = 0n;
  let high = 1n << BigInt(Math.ceil(value.toString(2).length / 3) + 1);
  while (low < high) {
    const middle = (low + high) / 2n;
    if (middle ** 3n < value) low = middle + 1n;
    else high = middle;
  }
  return low;
}

/** A number whose cube begins with 00 01 FF … 00 DigestInfo: for e = 3, without any key. */
const cube: SignatureAttack = {
  id: 'rsa-cube-root',
  kind: 'edge-value',
  attackerModel: 'foreign-key',
  name: 'with a cube root for a signature, forged for e = 3',
  rationale: garbageRationale,
  references: ['CVE-2006-4339', 'Finney 2006', paddingRfc],
  forge: ({ signature, message, scheme, input }) => {
    const { testKey } = input;
    const known =
      testKey?.kind === 'classic' && testKey.key.asymmetricKeyType === 'rsa' ? testKey.key : undefined;
    const e = known === undefined ? undefined : rsaNumbers(createPublicKey(known)).e;
    if (e !== undefined && e !== 3n) return { doesNotApply: `the key has e = ${e}` };
    const hash = hashOf(scheme);
    const front = Buffer.concat([
      Buffer.of(0, 1),
      Buffer.alloc(8, 0xff),
      Buffer.of(0),
      infoOf(hash, digestOf(message, hash)),
    ]);
    const rest = signature.length - front.length;
    if (rest * 3 < signature.length * 2) return { doesNotApply: 'the modulus is too short for the forgery' };
    const root = cubeRoot(toNumber(Buffer.concat([front, Buffer.alloc(rest)])));
    return toBytes(root, signature.length);
  },
};

export function rsaAttacks(scheme: RsaScheme): readonly SignatureAttack[] {
  const shared = [...plainNumbers, ...modulusNumbers, otherHash];
  return scheme.type === 'rsa-pkcs1'
    ? [...shared, cube, ...pkcs1Paddings(), pssInstead]
    : [...shared, ...pssPaddings(scheme.saltBytes), pkcs1Instead];
}
