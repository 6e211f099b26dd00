/** What a time-stamping authority answers, read as far as it can be without its certificates. */

import { bytesSource } from '../../../harness/image/byte-source.ts';
import {
  derBytes,
  derOid,
  derTags,
  derValue,
  scanDerElement,
  type DerNode,
} from '../../../harness/image/codec/der.ts';
import { EvidenceError } from '../../../harness/errors.ts';
import { sha256Oid } from './request.ts';

/** A token's statement. Its signature is not checked here: that needs the authority's chain (`openssl ts -verify`). */
export interface StampedTime {
  /** Lower-case hex of the digest that was stamped. */
  sha256: string;
  nonce: bigint | undefined;
  /** ISO 8601, UTC. */
  time: string;
  /** Of `time`, in milliseconds, where the authority gives it. */
  accuracyMs?: number;
  policy: string;
  serial: bigint;
}

const signedDataOid = '1.2.840.113549.1.7.2';
const tstInfoOid = '1.2.840.113549.1.9.16.1.4';
/** RFC 3161, 2.4.2: granted, and granted with modifications. */
const granted: readonly bigint[] = [0n, 1n];

/**
 * Reads a `TimeStampResp`.
 *
 * Source: RFC 3161, 2.4.2.
 *
 * @throws EvidenceError with the authority's words when it did not grant, and when the bytes are no response
 */
export function readTimeStampResponse(response: Uint8Array): StampedTime {
  const source = bytesSource(response);
  const read = new Reader(source);
  const [status, token] = read.children(read.whole(response.length), 'TimeStampResp');
  const [code, text] = read.children(status, 'PKIStatusInfo');
  const said = read.integer(code, 'status');
  if (!granted.includes(said)) {
    const words = text?.children.map((part) => derValue(source, part).toString('utf8')).join('; ') ?? '';
    throw new EvidenceError(
      'no-time-stamp',
      `the authority refused with status ${said}: ${words || 'no reason'}`,
      {
        hint: 'Ask the authority which hash and policy it accepts; the request is kept and can be sent again.',
      },
    );
  }
  const [contentType, explicit] = read.children(token, 'timeStampToken');
  read.mustBe(contentType, signedDataOid, 'a CMS SignedData');
  const [signedData] = read.children(explicit, 'content');
  const [, , encapsulated] = read.children(signedData, 'SignedData');
  const [innerType, wrapped] = read.children(encapsulated, 'encapContentInfo');
  read.mustBe(innerType, tstInfoOid, 'a TSTInfo');
  const [octets] = read.children(wrapped, 'eContent');
  if (octets === undefined) throw noResponse('no TSTInfo');
  return tstInfo(derValue(source, octets));
}

function tstInfo(bytes: Uint8Array): StampedTime {
  const source = bytesSource(bytes);
  const read = new Reader(source);
  const parts = read.children(read.whole(bytes.length), 'TSTInfo');
  const [, policy, imprint, serial, time, ...rest] = parts;
  const [algorithm, hashed] = read.children(imprint, 'messageImprint');
  read.mustBe(read.children(algorithm, 'hashAlgorithm')[0], sha256Oid, 'SHA-256');
  const at = time === undefined ? undefined : genTime(derValue(source, time).toString('latin1'));
  if (hashed === undefined || at === undefined) throw noResponse('no digest, or no time');
  const nonce = rest.find((part) => part.class === 'universal' && part.tag === derTags.INTEGER);
  const accuracy = rest.find((part) => part.class === 'universal' && part.tag === derTags.SEQUENCE);
  return {
    sha256: derValue(source, hashed).toString('hex'),
    nonce: nonce === undefined ? undefined : read.integer(nonce, 'nonce'),
    time: at,
    ...(accuracy === undefined ? {} : { accuracyMs: accuracyMs(read, accuracy) }),
    policy: derOid(source, policy),
    serial: read.integer(serial, 'serialNumber'),
  };
}

/** GeneralizedTime in Zulu, with or without a fraction (RFC 3161, 2.4.2), as ISO 8601. */
function genTime(text: string): string | undefined {
  const parts = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\.\d+)?Z$/.exec(text);
  if (parts === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction = ''] = parts;
  return `${year}-${month}-${day}T${hour}:${minute}:${second}${fraction}Z`;
}

/** Seconds, milliseconds [0] and microseconds [1], each optional. */
function accuracyMs(read: Reader, accuracy: DerNode): number {
  const unit = (part: DerNode): number => (part.class === 'universal' ? 1000 : part.tag === 0 ? 1 : 0.001);
  return accuracy.children.reduce((sum, part) => sum + unit(part) * Number(read.unsigned(part)), 0);
}

/** The scanner takes what is there; an element that claims more was cut off. */
function isCut({ valueStart, claimedBytes, end }: DerNode): boolean {
  return valueStart + claimedBytes !== end;
}

/** Takes a structure apart, and says what was missing. */
class Reader {
  readonly #source: ReturnType<typeof bytesSource>;

  constructor(source: ReturnType<typeof bytesSource>) {
    this.#source = source;
  }

  whole(bytes: number): DerNode {
    const node = scanDerElement(this.#source, 0);
    if (node === undefined || node.end !== bytes || isCut(node)) throw noResponse('not one DER element');
    return node;
  }

  children(node: DerNode | undefined, what: string): readonly DerNode[] {
    if (node?.constructed !== true || isCut(node)) throw noResponse(`no ${what}`);
    return node.children;
  }

  integer(node: DerNode | undefined, what: string): bigint {
    if (node?.tag !== derTags.INTEGER) throw noResponse(`no ${what}`);
    return this.unsigned(node);
  }

  unsigned(node: DerNode): bigint {
    return BigInt(`0x${derValue(this.#source, node).toString('hex') || '0'}`);
  }

  mustBe(node: DerNode | undefined, oid: string, what: string): void {
    if (node === undefined || derOid(this.#source, node) !== oid) {
      const found = node === undefined ? 'nothing' : derBytes(this.#source, node).toString('hex');
      throw noResponse(`not ${what} (${found})`);
    }
  }
}

function noResponse(why: string): EvidenceError {
  return new EvidenceError('no-time-stamp', `this is no time-stamp response of RFC 3161: ${why}`, {
    hint: 'Is the address that of a time-stamping authority, for POST of application/timestamp-query?',
  });
}
