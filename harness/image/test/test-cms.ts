/** Makes CMS SignedData for tests, written from RFC 5652, 5 alone; shares no code with what it tests. */

import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { constants, createHash, createPublicKey, sign, type KeyObject } from 'node:crypto';

export interface TestCmsSigner {
  certificate: Uint8Array;
  privateKey: KeyObject;
  hash?: 'sha1' | 'sha256' | 'sha384' | 'sha512';
  pss?: boolean;
  /** Names the signer by subject key identifier instead of issuer and serial. */
  byKeyId?: boolean;
  /** Signs the content itself. */
  withoutAttributes?: boolean;
}

export interface TestCms {
  content: Uint8Array;
  signers: readonly TestCmsSigner[];
  /** DER certificates to put in. */
  certificates?: readonly Uint8Array[];
  crls?: readonly Uint8Array[];
  /** The content is put in. */
  attached?: boolean;
  contentType?: string;
}

const digestAlgorithms = {
  sha1: '1.3.14.3.2.26',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
};
const ecdsaWith = {
  sha1: '1.2.840.10045.4.1',
  sha256: '1.2.840.10045.4.3.2',
  sha384: '1.2.840.10045.4.3.3',
  sha512: '1.2.840.10045.4.3.4',
};

export function makeCms(cms: TestCms): Buffer {
  const contentType = oid(cms.contentType ?? '1.2.840.113549.1.7.1');
  const hashes = [...new Set(cms.signers.map(({ hash = 'sha256' }) => hash))];
  const inside = cms.attached === true ? [tlv(0xa0, tlv(0x04, cms.content))] : [];
  const signedData = tlv(
    0x30,
    tlv(0x02, Buffer.of(cms.signers.some(({ byKeyId }) => byKeyId) ? 3 : 1)),
    tlv(0x31, ...hashes.map((hash) => tlv(0x30, oid(digestAlgorithms[hash])))),
    tlv(0x30, contentType, ...inside),
    ...(cms.certificates === undefined ? [] : [tlv(0xa0, ...cms.certificates)]),
    ...(cms.crls === undefined ? [] : [tlv(0xa1, ...cms.crls)]),
    tlv(0x31, ...cms.signers.map((signer) => signerInfo(signer, cms.content, contentType))),
  );
  return tlv(0x30, oid('1.2.840.113549.1.7.2'), tlv(0xa0, signedData));
}

function signerInfo(signer: TestCmsSigner, content: Uint8Array, contentType: Buffer): Buffer {
  const hash = signer.hash ?? 'sha256';
  const attributes = [
    attribute('1.2.840.113549.1.9.3', contentType),
    attribute('1.2.840.113549.1.9.5', tlv(0x17, Buffer.from('240301120000Z'))),
    attribute('1.2.840.113549.1.9.4', tlv(0x04, createHash(hash).update(content).digest())),
  ].sort((a, b) => Buffer.compare(a, b));
  const bare = signer.withoutAttributes === true;
  const message = bare ? content : tlv(0x31, ...attributes);
  return tlv(
    0x30,
    tlv(0x02, Buffer.of(signer.byKeyId === true ? 3 : 1)),
    identifier(signer),
    tlv(0x30, oid(digestAlgorithms[hash])),
    ...(bare ? [] : [tlv(0xa0, ...attributes)]),
    algorithm(signer, hash),
    tlv(0x04, signature(signer, hash, message)),
  );
}

function identifier({ certificate, byKeyId }: TestCmsSigner): Buffer {
  const parsed = new x509.X509Certificate(Buffer.from(certificate));
  if (byKeyId === true) {
    const id = parsed.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId ?? '';
    return tlv(0x80, Buffer.from(id, 'hex'));
  }
  const serial = Buffer.from(parsed.serialNumber, 'hex');
  return tlv(0x30, Buffer.from(parsed.issuerName.toArrayBuffer()), tlv(0x02, serial));
}

function algorithm({ privateKey, pss }: TestCmsSigner, hash: keyof typeof ecdsaWith): Buffer {
  const type = createPublicKey(privateKey).asymmetricKeyType;
  if (type === 'ed25519') return tlv(0x30, oid('1.3.101.112'));
  if (type === 'ec') return tlv(0x30, oid(ecdsaWith[hash]));
  if (pss !== true) return tlv(0x30, oid('1.2.840.113549.1.1.1'), tlv(0x05));
  const digest = tlv(0x30, oid(digestAlgorithms[hash]));
  return tlv(
    0x30,
    oid('1.2.840.113549.1.1.10'),
    tlv(
      0x30,
      tlv(0xa0, digest),
      tlv(0xa1, tlv(0x30, oid('1.2.840.113549.1.1.8'), digest)),
      tlv(0xa2, tlv(0x02, Buffer.of(32))),
    ),
  );
}

function signature({ privateKey, pss }: TestCmsSigner, hash: string, message: Uint8Array): Buffer {
  if (privateKey.asymmetricKeyType === 'ed25519') return sign(null, message, privateKey);
  if (pss !== true) return sign(hash, message, privateKey);
  return sign(hash, message, {
    key: privateKey,
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: 32,
  });
}

function attribute(type: string, value: Buffer): Buffer {
  return tlv(0x30, oid(type), tlv(0x31, value));
}

/** An element of DER with less than 16 MiB. */
function tlv(identifierByte: number, ...contents: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(contents);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  const short = body.length < 0x80;
  const bytes = short ? 1 : body.length < 0x100 ? 1 : body.length < 0x10000 ? 2 : 3;
  const head = short
    ? Buffer.of(body.length)
    : Buffer.concat([Buffer.of(0x80 + bytes), length.subarray(4 - bytes)]);
  return Buffer.concat([Buffer.of(identifierByte), head, body]);
}

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const groups = [first * 40 + second, ...rest].map((arc) => {
    const bytes = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128))
      bytes.unshift(128 + (left % 128));
    return bytes;
  });
  return tlv(0x06, Buffer.from(groups.flat()));
}
