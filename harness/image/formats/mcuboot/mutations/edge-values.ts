/** Values at the edge of the signature schemes, and other encodings of a good signature. */

import { p256, p384 } from '@noble/curves/nist.js';
import { encodeDer, encodeDerInteger } from '../../../codec/der.ts';
import type { AttackKind, DoesNotApply, Expectation } from '../../../mutation.ts';
import type { Policy } from '../../../policy.ts';
import { encodePair, readPair, type EcdsaPair } from '../ecdsa-encoding.ts';
import { editUnprotected, type TlvEdit } from '../edit.ts';
import { tlvTypes } from '../layout.ts';
import type { SignedEntry } from '../signatures.ts';
import { mustReject, planOf, type McubootInput, type McubootMutation } from './common.ts';
import { withSignatures } from './signature.ts';

type Change = (entry: SignedEntry, input: McubootInput) => Buffer | DoesNotApply;

interface Words {
  id: string;
  name: string;
  rationale: string;
}

function changed(
  words: Words,
  kind: AttackKind,
  types: readonly number[],
  expectation: (policy: Policy) => Expectation,
  change: Change,
): McubootMutation {
  return {
    ...words,
    kind,
    references: ['Wycheproof, testvectors_v1', 'FIPS 186-5, 6.4.2', 'RFC 8032, 5.1.7', 'RFC 8017, 8.1.2'],
    attackerModel: 'network',
    needs: [],
    invariants: ['signed-kept'],
    expectation,
    plan: (input) =>
      withSignatures(input, (entries) => {
        const edits: TlvEdit[] = [];
        for (const entry of entries) {
          if (!types.includes(entry.tlv.type))
            return { doesNotApply: `it has a ${entry.tlv.name} signature` };
          const value = change(entry, input);
          if ('doesNotApply' in value) return value;
          edits.push({ tlv: entry.tlv, to: { value } });
        }
        const refused =
          expectation(input.policy).class === 'must-reject' ? { refusedFor: 'signature' as const } : {};
        return planOf(input, editUnprotected(input.image, edits), refused);
      }),
  };
}

const always = (): Expectation => mustReject;
/** The same signature in another form: nobody else can make one, so that taking it does no harm. */
const byForm = ({ malleableSignatures }: Policy): Expectation =>
  malleableSignatures === 'refuse' ? mustReject : { class: 'policy', dependsOn: 'malleableSignatures' };

/** By the digest: P-384 goes with SHA-384. */
function orderFor({ image }: McubootInput): bigint {
  return image.tlvs.some(({ type }) => type === tlvTypes.SHA384) ? p384.Point.Fn.ORDER : p256.Point.Fn.ORDER;
}

const edge = (id: string, name: string, pair: (n: bigint) => EcdsaPair): McubootMutation =>
  changed(
    {
      id: `mcuboot-ecdsa-${id}`,
      name,
      rationale:
        'Numbers outside [1, n) make the equation true for any message in code that does not check them.',
    },
    'edge-value',
    [tlvTypes.ECDSA],
    always,
    (_, input) => encodePair(pair(orderFor(input))),
  );

const edges = [
  edge('zero-zero', 'with r = s = 0', () => ({ r: 0n, s: 0n })),
  edge('one-zero', 'with r = 1 and s = 0', () => ({ r: 1n, s: 0n })),
  edge('zero-one', 'with r = 0 and s = 1', () => ({ r: 0n, s: 1n })),
  edge('one-one', 'with r = s = 1', () => ({ r: 1n, s: 1n })),
  edge('n-n', 'with r = s = the order', (n) => ({ r: n, s: n })),
  edge('n-one', 'with r = the order and s = 1', (n) => ({ r: n, s: 1n })),
  edge('one-n', 'with r = 1 and s = the order', (n) => ({ r: 1n, s: n })),
  edge('n-minus-one', 'with r = s = the order less 1', (n) => ({ r: n - 1n, s: n - 1n })),
];

/** Of a good signature. */
function repaired(
  words: Words,
  kind: AttackKind,
  expectation: (policy: Policy) => Expectation,
  to: (pair: EcdsaPair, entry: SignedEntry, input: McubootInput) => Buffer | DoesNotApply,
): McubootMutation {
  return changed(
    { ...words, id: `mcuboot-ecdsa-${words.id}` },
    kind,
    [tlvTypes.ECDSA],
    expectation,
    (entry, input) => {
      const pair = readPair(entry.signature);
      return pair === undefined
        ? { doesNotApply: 'its signature is no pair of numbers' }
        : to(pair, entry, input);
    },
  );
}

const integer = (bytes: Uint8Array): Buffer => encodeDer(0x02, bytes);
const unsigned = (value: bigint): Buffer => {
  const digits = value.toString(16);
  return Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex');
};
const twosComplement = (value: bigint, bytes: number): Buffer =>
  Buffer.from(
    BigInt.asUintN(8 * bytes, -value)
      .toString(16)
      .padStart(2 * bytes, 'f'),
    'hex',
  );

const outOfRange = [
  repaired(
    {
      id: 'r-plus-n',
      name: 'with r raised by the order',
      rationale: 'The same number modulo the order, out of its range.',
    },
    'edge-value',
    always,
    ({ r, s }, _, input) => encodePair({ r: r + orderFor(input), s }),
  ),
  repaired(
    {
      id: 's-plus-n',
      name: 'with s raised by the order',
      rationale: 'The same number modulo the order, out of its range.',
    },
    'edge-value',
    always,
    ({ r, s }, _, input) => encodePair({ r, s: s + orderFor(input) }),
  ),
  repaired(
    { id: 'negative', name: 'with −r', rationale: 'A negative number is none of the range.' },
    'edge-value',
    always,
    ({ r, s }) => {
      const bytes = unsigned(r).length + 1;
      return encodeDer(0x30, integer(twosComplement(r, bytes)), encodeDerInteger(s));
    },
  ),
  repaired(
    {
      id: 'swapped',
      name: 'with r and s exchanged',
      rationale: 'Two numbers of the right size in the wrong order.',
    },
    'signature',
    always,
    ({ r, s }) => (r === s ? { doesNotApply: 'they are the same' } : encodePair({ r: s, s: r })),
  ),
];

const forms = [
  repaired(
    {
      id: 's-negated',
      name: 'with s replaced by the order less s',
      rationale: 'A second valid signature that anybody can make of the first.',
    },
    'encoding',
    byForm,
    ({ r, s }, _, input) => {
      const n = orderFor(input);
      return s > n / 2n ? { doesNotApply: 'it has the larger s already' } : encodePair({ r, s: n - s });
    },
  ),
  repaired(
    {
      id: 'trailing',
      name: 'with a zero byte behind its signature',
      rationale: 'Old imgtool padded signatures with zeros; strict parsers refuse them.',
    },
    'encoding',
    byForm,
    (_, { signature }) => Buffer.concat([signature, Buffer.of(0)]),
  ),
  repaired(
    {
      id: 'long-length',
      name: 'with the length of its signature in two bytes',
      rationale: 'BER, where DER is due.',
    },
    'encoding',
    byForm,
    (_, { signature }) => {
      const [tag = 0, length = 0] = signature;
      if (length >= 0x80) return { doesNotApply: 'the length needs two bytes' };
      return Buffer.concat([Buffer.of(tag, 0x81, length), signature.subarray(2)]);
    },
  ),
  repaired(
    {
      id: 'long-integer-length',
      name: 'with the length of r in two bytes',
      rationale: 'BER, where DER is due.',
    },
    'encoding',
    byForm,
    ({ r, s }) => {
      const body = encodeDerInteger(r).subarray(2);
      return encodeDer(0x30, Buffer.concat([Buffer.of(2, 0x81, body.length), body]), encodeDerInteger(s));
    },
  ),
  repaired(
    { id: 'leading-zero', name: 'with a zero in front of r', rationale: 'BER, where DER is due.' },
    'encoding',
    byForm,
    ({ r, s }) => {
      const body = encodeDerInteger(r).subarray(2);
      return encodeDer(0x30, integer(Buffer.concat([Buffer.of(0), body])), encodeDerInteger(s));
    },
  ),
  repaired(
    {
      id: 'no-sign-byte',
      name: 'with r without its sign byte',
      rationale: 'Read as DER it is negative; lenient parsers read it as unsigned.',
    },
    'encoding',
    byForm,
    ({ r, s }) => {
      const bytes = unsigned(r);
      return (bytes[0] ?? 0) < 0x80
        ? { doesNotApply: 'r needs no sign byte' }
        : encodeDer(0x30, integer(bytes), encodeDerInteger(s));
    },
  ),
  repaired(
    {
      id: 'raw',
      name: 'with r and s side by side, without DER',
      rationale: 'The encoding of IEEE P1363, where DER is due.',
    },
    'encoding',
    byForm,
    ({ r, s }, _, input) => {
      const width = orderFor(input).toString(16).length;
      return Buffer.from(r.toString(16).padStart(width, '0') + s.toString(16).padStart(width, '0'), 'hex');
    },
  ),
];

const ed25519Order = 2n ** 252n + 27742317777372353535851937790883648493n;
const littleEndian = (value: bigint): Buffer =>
  Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse();
const sOf = (signature: Buffer): bigint =>
  BigInt(`0x0${Buffer.from(signature.subarray(32)).reverse().toString('hex')}`);

const ed25519 = (
  id: string,
  name: string,
  rationale: string,
  kind: AttackKind,
  expectation: (policy: Policy) => Expectation,
  to: (signature: Buffer) => Buffer,
): McubootMutation =>
  changed(
    { id: `mcuboot-ed25519-${id}`, name, rationale },
    kind,
    [tlvTypes.ED25519],
    expectation,
    ({ signature }) => to(signature),
  );

const edwards = [
  ed25519(
    's-plus-order',
    'with S raised by the order',
    'A second form of the signature, which RFC 8032 rules out and old code lets pass.',
    'encoding',
    byForm,
    (signature) => Buffer.concat([signature.subarray(0, 32), littleEndian(sOf(signature) + ed25519Order)]),
  ),
  ed25519(
    'identity',
    'with the neutral point as R and S = 0',
    'Degenerate values verify in code that skips its checks.',
    'edge-value',
    always,
    () => Buffer.concat([Buffer.of(1), Buffer.alloc(63)]),
  ),
  ed25519(
    's-zero',
    'with S = 0',
    'Degenerate values verify in code that skips its checks.',
    'edge-value',
    always,
    (signature) => Buffer.concat([signature.subarray(0, 32), Buffer.alloc(32)]),
  ),
  ed25519(
    'r-not-a-point',
    'with an R that is no point of the curve',
    'Decoding fails, and so must the signature.',
    'edge-value',
    always,
    (signature) => Buffer.concat([Buffer.alloc(32, 0xff), signature.subarray(32)]),
  ),
];

const rsaTypes = [tlvTypes.RSA2048_PSS, tlvTypes.RSA3072_PSS];
const rsa = (id: string, name: string, value: (bytes: number) => Buffer): McubootMutation =>
  changed(
    {
      id: `mcuboot-rsa-${id}`,
      name,
      rationale: 'Numbers that the RSA operation leaves as they are, or cannot take, are no signatures.',
    },
    'edge-value',
    rsaTypes,
    always,
    ({ signature }) => value(signature.length),
  );

const rsaEdges = [
  rsa('one', 'with a signature of 1', (bytes) => Buffer.concat([Buffer.alloc(bytes - 1), Buffer.of(1)])),
  rsa('above-modulus', 'with a signature larger than any modulus', (bytes) => Buffer.alloc(bytes, 0xff)),
  rsa('unsigned-padding', 'with an encoded message in place of its signature', (bytes) => {
    const message = Buffer.alloc(bytes);
    message[bytes - 1] = 0xbc;
    return message;
  }),
];

export const edgeMutations: readonly McubootMutation[] = [
  ...edges,
  ...outOfRange,
  ...forms,
  ...edwards,
  ...rsaEdges,
];
