/** Genuine images of every scheme and placement. */

import type { Sample } from '../../../test/sample.ts';
import type { DetachedLayoutInput } from '../layout.ts';
import {
  detached,
  ecdsaSigner,
  ed25519Signer,
  hashBasedSigner,
  payloadOf,
  postQuantumSigner,
  rsaSigner,
  type Signer,
} from './builder.ts';

export interface SampleSet {
  name: string;
  layout: DetachedLayoutInput;
  samples: () => Sample[];
}

const plain =
  (signer: Signer) =>
  (payload: Buffer, nth: number): Buffer =>
    Buffer.concat([payload, signer.sign(payload, nth)]);

const inTwoFiles =
  (signer: Signer) =>
  (payload: Buffer, nth: number): Buffer =>
    detached(payload, signer.sign(payload, nth));

function sample(
  name: string,
  signers: readonly Signer[],
  build: (payload: Buffer, nth: number) => Buffer,
  payload = payloadOf('release 2'),
): Sample {
  const { testKey } = signers[0] ?? {};
  return {
    name,
    bytes: build(payload, 0),
    second: build(payloadOf('release 1', 2500), 1),
    keys: signers.map(({ publicKey }) => publicKey),
    ...(testKey === undefined ? {} : { testKey }),
  };
}

/** One sample, of the first payload whose signature is as wished: some attacks need luck with its numbers. */
function one(
  name: string,
  signer: Signer,
  build: typeof plain,
  wish: (signature: Buffer) => boolean = () => true,
): Sample[] {
  for (let index = 0; ; index += 1) {
    const payload = payloadOf(`release 2.${index}`);
    const signature = signer.sign(payload);
    if (!wish(signature)) continue;
    return [
      sample(
        name,
        [signer],
        build({
          ...signer,
          sign: (message, nth) => (message === payload ? signature : signer.sign(message, nth)),
        }),
        payload,
      ),
    ];
  }
}

/** DER with a sign byte in front of r. */
const signByte = (signature: Buffer): boolean => signature[3] === 33;

/** Small enough that the modulus can be added: see rsaSigner. */
const small = (signature: Buffer): boolean => (signature[0] ?? 0) < 0x40;

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

const ecdsaDer = { type: 'ecdsa', curve: 'p256', hash: 'sha256', encoding: 'der' } as const;

function withTrailer(signer: Signer) {
  return (payload: Buffer): Buffer => {
    const signature = signer.sign(payload);
    return Buffer.concat([
      payload,
      signature,
      u16(signature.length),
      Buffer.of(7, 0, 0),
      Buffer.from('SIGN'),
    ]);
  };
}

/** header (magic, version u16, counter u32 LE) ‖ payload ‖ Ed25519 ‖ ML-DSA-44 ‖ two lengths ‖ magic */
function hybrid(classic: Signer, quantum: Signer) {
  return (payload: Buffer): Buffer => {
    const header = Buffer.from([0x46, 0x57, 0, 3, 9, 0, 0, 0]);
    const body = Buffer.concat([header, payload]);
    const [one, two] = [classic.sign(body), quantum.sign(body)];
    return Buffer.concat([body, one, two, u16(one.length), u16(two.length), Buffer.from('HYBR')]);
  };
}

const hybridLayout = (rule: 'all' | 'any'): DetachedLayoutInput => ({
  placement: 'appended',
  signatures: [{ scheme: { type: 'ed25519' } }, { scheme: { type: 'ml-dsa-44' } }],
  rule,
  covers: 'header+payload',
  header: {
    bytes: 8,
    fields: [
      { name: 'version', at: 2, type: 'u16' },
      { name: 'counter', at: 4, type: 'u32', order: 'le' },
    ],
  },
  frame: [
    { field: 'signature', of: 0 },
    { field: 'signature', of: 1 },
    { field: 'length', of: 0, type: 'u16' },
    { field: 'length', of: 1, type: 'u16' },
    { field: 'magic', hex: Buffer.from('HYBR').toString('hex') },
  ],
});

function hybridSamples(): Sample[] {
  const signers = [ed25519Signer(), postQuantumSigner('ml-dsa-44')] as const;
  const build = hybrid(...signers);
  return [
    sample('Ed25519 and ML-DSA-44', signers, build),
    sample('Ed25519 and ML-DSA-44, test key of ML-DSA-44', [...signers].reverse(), build),
  ];
}

export const sampleSets: readonly SampleSet[] = [
  {
    name: 'Ed25519, detached',
    layout: { placement: 'detached', signatures: [{ scheme: { type: 'ed25519' } }] },
    samples: () => one('Ed25519', ed25519Signer(), inTwoFiles),
  },
  {
    name: 'Ed25519, appended',
    layout: { placement: 'appended', signatures: [{ scheme: { type: 'ed25519' } }] },
    samples: () => one('Ed25519', ed25519Signer(), plain),
  },
  {
    name: 'ECDSA P-256 in DER, detached',
    layout: { placement: 'detached', signatures: [{ scheme: ecdsaDer }] },
    samples: () => one('ECDSA P-256', ecdsaSigner('P-256', 'sha256', 'der'), inTwoFiles, signByte),
  },
  {
    name: 'ECDSA P-256 in DER, with a trailer behind and an unsigned header in front',
    layout: {
      placement: 'appended',
      signatures: [{ scheme: ecdsaDer }],
      header: { bytes: 4, fields: [{ name: 'size', at: 0, type: 'u32' }] },
      frame: [
        { field: 'signature', of: 0 },
        { field: 'length', of: 0, type: 'u16' },
        { field: 'scheme', type: 'u8', value: 7 },
        { field: 'reserved', bytes: 2 },
        { field: 'magic', hex: Buffer.from('SIGN').toString('hex') },
      ],
    },
    samples: () => {
      const signer = ecdsaSigner('P-256', 'sha256', 'der');
      const build = (own: Signer) => (payload: Buffer) =>
        Buffer.concat([Buffer.from([0, 0, 11, 184]), withTrailer(own)(payload)]);
      return one('ECDSA, trailer', signer, build, signByte);
    },
  },
  {
    name: 'ECDSA P-384 as r ‖ s, appended',
    layout: {
      placement: 'appended',
      signatures: [{ scheme: { type: 'ecdsa', curve: 'p384', hash: 'sha384', encoding: 'p1363' } }],
    },
    samples: () => one('ECDSA P-384', ecdsaSigner('P-384', 'sha384', 'ieee-p1363'), plain),
  },
  {
    name: 'ECDSA P-521 as r ‖ s, detached',
    layout: {
      placement: 'detached',
      signatures: [{ scheme: { type: 'ecdsa', curve: 'p521', hash: 'sha512', encoding: 'p1363' } }],
    },
    samples: () => one('ECDSA P-521', ecdsaSigner('P-521', 'sha512', 'ieee-p1363'), inTwoFiles),
  },
  {
    name: 'RSA PKCS #1 v1.5, detached',
    layout: { placement: 'detached', signatures: [{ scheme: { type: 'rsa-pkcs1', hash: 'sha256' } }] },
    samples: () => [
      ...one('RSA-2048, e = 65537', rsaSigner('pkcs1'), inTwoFiles, small),
      ...one('RSA-2048, e = 3', rsaSigner('pkcs1', 3), inTwoFiles),
    ],
  },
  {
    name: 'RSA-PSS, appended',
    layout: {
      placement: 'appended',
      signatures: [{ scheme: { type: 'rsa-pss', hash: 'sha256', saltBytes: 32 }, bytes: 256 }],
    },
    samples: () => one('RSA-2048 PSS', rsaSigner('pss'), plain),
  },
  {
    name: 'ML-DSA-44, detached',
    layout: { placement: 'detached', signatures: [{ scheme: { type: 'ml-dsa-44' } }] },
    samples: () => one('ML-DSA-44', postQuantumSigner('ml-dsa-44'), inTwoFiles),
  },
  {
    name: 'ML-DSA-65 with a context, appended',
    layout: {
      placement: 'appended',
      signatures: [{ scheme: { type: 'ml-dsa-65', context: '6677' } }],
    },
    samples: () => one('ML-DSA-65', postQuantumSigner('ml-dsa-65', Buffer.from('6677', 'hex')), plain),
  },
  {
    name: 'SLH-DSA-SHA2-128f, detached',
    layout: { placement: 'detached', signatures: [{ scheme: { type: 'slh-dsa-sha2-128f' } }] },
    samples: () => one('SLH-DSA', postQuantumSigner('slh-dsa-sha2-128f'), inTwoFiles),
  },
  {
    name: 'LMS, appended',
    layout: { placement: 'appended', signatures: [{ scheme: { type: 'lms' }, bytes: 2348 }] },
    samples: () => one('LMS', hashBasedSigner('lms'), plain),
  },
  {
    name: 'HSS, detached',
    layout: { placement: 'detached', signatures: [{ scheme: { type: 'hss' } }] },
    samples: () => one('HSS', hashBasedSigner('hss'), inTwoFiles),
  },
  { name: 'hybrid, all must be good', layout: hybridLayout('all'), samples: hybridSamples },
  { name: 'hybrid, one good is enough', layout: hybridLayout('any'), samples: hybridSamples },
  {
    name: 'two signers by Ed25519, both needed',
    layout: {
      placement: 'detached',
      signatures: [
        { name: 'development', scheme: { type: 'ed25519' } },
        { name: 'release', scheme: { type: 'ed25519' } },
      ],
    },
    samples: () => {
      const signers = [ed25519Signer(), ed25519Signer()];
      const build = (payload: Buffer): Buffer =>
        detached(payload, Buffer.concat(signers.map((signer) => signer.sign(payload))));
      return [sample('two by Ed25519', signers, build)];
    },
  },
];
