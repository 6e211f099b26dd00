/**
 * CMS signed anew: by a key that nobody trusts, under a certificate that copies a trusted one, or by a test key for
 * content that was changed.
 *
 * Source: RFC 5652, 5.3 and 5.4; RFC 5280, 4.1.
 */

import { createHash, createPublicKey, sign as signBytes, type KeyObject } from 'node:crypto';
import { bytesSource, materialise, type ByteSource } from '../byte-source.ts';
import { derBytes, derOid, encodeDer, encodeDerOid, type DerNode } from '../codec/der.ts';
import { editDer } from '../codec/der-edit.ts';
import { digestOf, type DigestAlgorithm } from '../digest.ts';
import type { TestKey } from '../trust.ts';
import {
  attributeValue,
  issuerSerial,
  openCms,
  withCertificates,
  type CmsFile,
  type Edited,
} from './cms-edit.ts';
import { schemeOf, signedMessage } from './cms-verify.ts';
import { parseCms, signerCertificates, type CmsSigner } from './cms.ts';
import { ecdsaOids, oids, rsaOids } from './oids.ts';
import { keyLike, publicHalf, signDigest } from './sign-digest.ts';
import { readCertificate, type Certificate } from './x509.ts';

/** Deterministic bytes by label, as plans get them. */
export type Random = (label: string, bytes: number) => Uint8Array;

/** Who signs: a private key, and the certificate by which the SignerInfo names it. */
export interface CmsSigningKey {
  privateKey: KeyObject;
  certificate?: Uint8Array;
  /** Certificates for the CMS in place of those that are there; kept when absent. */
  chain?: readonly Uint8Array[];
}

/** A test key of node:crypto's kinds; undefined for others. */
export function signingKeyOf(testKey: TestKey): CmsSigningKey | undefined {
  if (testKey.kind !== 'classic') return undefined;
  const { key: privateKey, chain } = testKey;
  const [certificate] = chain;
  return certificate === undefined ? { privateKey } : { privateKey, certificate, chain };
}

/**
 * A copy of a certificate with another key: name, serial number, key identifier and extensions are the template's.
 *
 * @param issuer `kept`: the name of the template's issuer, who did not sign it; `self`: its own name
 * @returns undefined when the template's key is of an unknown kind
 */
export function forgedCertificate(
  template: Uint8Array,
  issuer: 'kept' | 'self',
  random: Random,
): CmsSigningKey | undefined {
  const read = readCertificate(template);
  if (read?.publicKey === undefined) return undefined;
  const privateKey = keyLike(read.publicKey, (bytes) => random('forged key', bytes));
  if (privateKey === undefined) return undefined;
  const certificate = reissued(read, { privateKey, subjectKey: publicHalf(privateKey), issuer });
  return { privateKey, certificate, chain: [certificate] };
}

/** The certificate's contents for another key, signed by a private key. */
export function reissued(
  template: Certificate,
  by: { privateKey: KeyObject; subjectKey: KeyObject; issuer: 'kept' | 'self' },
): Buffer {
  const { nodes } = template;
  const source = bytesSource(template.der);
  const algorithm = algorithmFor(by.privateKey, 'sha256');
  const tbs = editDer(
    source,
    nodes.tbs,
    new Map([
      [nodes.innerAlgorithm, algorithm],
      [nodes.spki, by.subjectKey.export({ type: 'spki', format: 'der' })],
      ...(by.issuer === 'self' ? selfIssued(template) : []),
    ]),
  );
  const signature = signMessage(by.privateKey, 'sha256', tbs);
  return encodeDer(0x30, tbs, algorithm, encodeDer(0x03, Buffer.of(0), signature));
}

/**
 * Its own name as issuer, and no identifier of the issuer's key: the template's names a key that is not there, for which a
 * verifier would refuse the chain before it asks whether it trusts anybody in it (RFC 5280, 4.2.1.1).
 */
function selfIssued({ der, nodes }: Certificate): (readonly [DerNode, Uint8Array])[] {
  const source = bytesSource(der);
  const extensions = nodes.extensions?.children[0]?.children ?? [];
  const ofIssuer = extensions.filter(
    ({ children: [oid] }) => derOid(source, oid) === oids.authorityKeyIdentifier,
  );
  return [
    [nodes.issuer, derBytes(source, nodes.subject)],
    ...ofIssuer.map((extension) => [extension, new Uint8Array()] as const),
  ];
}

/** A signature over a message by any key that is known here; PKCS #1 v1.5 for RSA. */
export function signMessage(key: KeyObject, hash: DigestAlgorithm, message: Uint8Array): Buffer {
  if (key.asymmetricKeyType === 'ed25519') return signBytes(null, message, key);
  const digest = createHash(hash).update(message).digest();
  return signDigest(
    key,
    key.asymmetricKeyType === 'rsa' ? { type: 'rsa-pkcs1', hash } : { type: 'ecdsa', encoding: 'der' },
    digest,
  );
}

/** The AlgorithmIdentifier of a signature by a key. */
export function algorithmFor(key: KeyObject, hash: DigestAlgorithm): Buffer {
  if (key.asymmetricKeyType === 'ed25519') return encodeDer(0x30, encodeDerOid(oids.ed25519));
  if (key.asymmetricKeyType === 'ec') return encodeDer(0x30, encodeDerOid(ecdsaOids[hash]));
  return encodeDer(0x30, encodeDerOid(rsaOids[hash]), Buffer.of(5, 0));
}

/**
 * The CMS with one SignerInfo made anew: identifier, message digest and signature. Everything else that it says (other
 * attributes, digest algorithm, and the signature algorithm where the key fits it) stays.
 *
 * @param content what is signed, encapsulated or not
 * @returns undefined when there is no such signer, or the key is of an unknown kind
 */
export function resigned(
  bytes: Uint8Array,
  by: CmsSigningKey,
  content: ByteSource,
  random: Random,
  index = 0,
): Edited {
  const { chain } = by;
  const prepared = chain === undefined ? Buffer.from(bytes) : withCertificates(bytes, () => chain);
  const named = prepared && renamed(prepared, by, content, index);
  const file = named && openCms(named);
  const signer = file?.cms.signers[index];
  if (file === undefined || signer === undefined) return undefined;
  const signature = signatureBy(file, signer, by.privateKey, content, random);
  if (signature === undefined) return undefined;
  return editDer(
    file.source,
    file.nodes.root,
    new Map([[signer.nodes.signature, encodeDer(0x04, signature)]]),
  );
}

/** The signer named by the new certificate, with the digest of the content and an algorithm that fits the key. */
function renamed(bytes: Uint8Array, by: CmsSigningKey, content: ByteSource, index: number): Edited {
  const file = openCms(bytes);
  const signer = file?.cms.signers[index];
  if (file === undefined || signer?.digestAlgorithm === undefined) return undefined;
  const { source, nodes } = file;
  const edits = new Map<(typeof nodes)['root'], Uint8Array>();
  const certificate = by.certificate && readCertificate(by.certificate);
  if (certificate !== undefined) {
    const keyId = certificate.subjectKeyIdentifier;
    const bySerial = signer.issuerSerial !== undefined || keyId === undefined;
    edits.set(
      signer.nodes.id,
      bySerial ? issuerSerial(certificate) : encodeDer(0x80, Buffer.from(keyId, 'hex')),
    );
  }
  const digest =
    signer.signedAttributes && attributeValue(source, signer.signedAttributes, oids.messageDigest);
  if (digest !== undefined) edits.set(digest, encodeDer(0x04, digestOf(content, signer.digestAlgorithm)));
  if (!fits(file, signer, by.privateKey)) {
    edits.set(signer.nodes.signatureAlgorithm, algorithmFor(by.privateKey, signer.digestAlgorithm));
  }
  return editDer(source, nodes.root, edits);
}

/** Whether the signer's algorithm is one of the key's type. */
function fits({ source }: CmsFile, signer: CmsSigner, key: KeyObject): boolean {
  if (key.asymmetricKeyType === 'ed25519') return signer.signatureOid === oids.ed25519;
  const scheme = schemeOf(source, signer);
  if (typeof scheme === 'string') return false;
  return (key.asymmetricKeyType === 'ec') === (scheme.type === 'ecdsa');
}

function signatureBy(
  { source }: CmsFile,
  signer: CmsSigner,
  key: KeyObject,
  content: ByteSource,
  random: Random,
): Buffer | undefined {
  const message = signedMessage(source, signer);
  if (key.asymmetricKeyType === 'ed25519') return signBytes(null, message ?? materialise(content), key);
  const scheme = schemeOf(source, signer);
  if (typeof scheme === 'string' || signer.digestAlgorithm === undefined) return undefined;
  if (key.asymmetricKeyType !== (scheme.type === 'ecdsa' ? 'ec' : 'rsa')) return undefined;
  const digest =
    message === undefined
      ? digestOf(content, signer.digestAlgorithm)
      : createHash(signer.digestAlgorithm).update(message).digest();
  const salt =
    scheme.type === 'rsa-pss' ? random('salt', scheme.saltBytes ?? digest.length) : new Uint8Array();
  return signDigest(key, scheme, digest, salt);
}

/** A key like the signer's, which nobody trusts; the CMS goes on naming the trusted one. */
export function strangerLike(bytes: Uint8Array, random: Random): CmsSigningKey | undefined {
  const cms = parseCms(bytesSource(bytes));
  const [signer] = cms.signers;
  const own = signer && signerCertificates(cms, signer)[0];
  const any = cms.certificates.find(({ read }) => read?.publicKey !== undefined)?.read;
  const model = (own ?? any)?.publicKey;
  const privateKey = model && keyLike(model, (count) => random('unknown key', count));
  return privateKey && { privateKey };
}

/** A self-signed certificate of a name that nobody knows, with the template's extensions. */
export function strangersCertificate(template: Uint8Array, random: Random): CmsSigningKey | undefined {
  const read = readCertificate(template);
  const privateKey = read?.publicKey && keyLike(read.publicKey, (count) => random('stranger', count));
  if (read === undefined || privateKey === undefined) return undefined;
  const name = Buffer.concat([encodeDerOid('2.5.4.3'), encodeDer(0x0c, Buffer.from('Nobody'))]);
  const subject = encodeDer(0x30, encodeDer(0x31, encodeDer(0x30, name)));
  const named = editDer(bytesSource(read.der), read.nodes.root, new Map([[read.nodes.subject, subject]]));
  const template2 = readCertificate(named);
  if (template2 === undefined) return undefined;
  const subjectKey = createPublicKey(privateKey);
  const certificate = reissued(template2, { privateKey, subjectKey, issuer: 'self' });
  return { privateKey, certificate, chain: [certificate] };
}
