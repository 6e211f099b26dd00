/**
 * Whether a CMS SignedData is good, and if not, why. Every signer must be good, as the update agents that build on
 * OpenSSL demand it.
 *
 * Source: RFC 5652, 5.4 to 5.6; RFC 5754 (SHA-2), RFC 4056 (PSS), RFC 5753 (ECDSA), RFC 8419 (Ed25519).
 */

import { createHash, verify as verifyBytes, type KeyObject } from 'node:crypto';
import { joined, materialise, slice, type ByteSource } from '../byte-source.ts';
import { derOid, derTags, derValue, type DerNode } from '../codec/der.ts';
import { toDer } from '../codec/der-edit.ts';
import { digestOf, type DigestAlgorithm } from '../digest.ts';
import type { Policy } from '../policy.ts';
import type { PublicKey, ReferenceVerdict } from '../trust.ts';
import { chainProblem, nameOf, type ChainTrust, type Purpose } from './chain.ts';
import type { CmsSignedData, CmsSigner } from './cms.ts';
import { signerBy, signersProblem, type GoodSigner } from './cms-signers.ts';
import { digestByOid, ecdsaOids, impliedDigest, oids, rsaOids } from './oids.ts';
import { verifyDigest, type DigestScheme, type SignatureCheck } from './verify-digest.ts';
import { readCertificate, readRevocationList, type Certificate } from './x509.ts';

/** What was signed, where it is not inside: bytes, or their digest by any algorithm. */
export type CmsContent = ByteSource | { digest: (algorithm: DigestAlgorithm) => Buffer };

export interface CmsTrust {
  /** Certificates are anchors of chains, and good as signers themselves; bare keys are trusted directly. */
  keys: readonly PublicKey[];
  /** DER certificates of signers of genuine images, trusted directly. */
  genuineSigners?: readonly Uint8Array[];
  /** Signatures of genuine images by {@link genuineSignatureIds}, where not even a certificate is known. */
  genuineSignatures?: readonly string[];
  /** Subjects that may sign where the policy checks names, DER as lower-case hex; any when absent. */
  signerNames?: ReadonlySet<string>;
  /** DER. Those inside the CMS count too. */
  crls?: readonly Uint8Array[];
  /** Time, purpose, revocation, names and number of signers are checked where it says so, and not where it is silent. */
  policy: Policy;
  /** Now when absent. */
  at?: Date;
  /** What a certificate must be good for; default any. */
  purpose?: Purpose;
}

type Refusal = Extract<ReferenceVerdict, { accepted: false }>;
export type CmsReason =
  | 'format'
  | 'unsigned'
  | 'digest'
  | 'signature'
  | 'untrusted'
  | 'expired'
  | 'not-yet-valid'
  | 'revoked'
  | 'purpose'
  | 'chain'
  | 'name'
  | 'threshold';

const no = (reason: CmsReason, detail: string): Refusal => ({ accepted: false, reason, detail });

/** Allowed by BER, and so by RFC 5652. */
const harmless = new Set(['der-indefinite', 'der-long-length']);

/**
 * Never throws.
 *
 * @param content what was signed, for detached signatures; it counts even when the CMS brings content of its own
 */
export function verifyCms(
  source: ByteSource,
  cms: CmsSignedData,
  content: CmsContent | undefined,
  trust: CmsTrust,
): ReferenceVerdict {
  const issue = cms.issues.find(({ code }) => !harmless.has(code));
  if (issue !== undefined || cms.nodes === undefined) return no('format', issue?.message ?? 'not a CMS');
  const signed = content ?? encapsulated(source, cms);
  if (signed === undefined) return no('format', 'the signature is detached, and there is no content');
  if (cms.signers.length === 0) return no('unsigned', 'there is no signer');
  const context: Context = { source, cms, content: signed, trust, chain: chainTrust(source, cms, trust) };
  const signers: GoodSigner[] = [];
  for (const signer of cms.signers) {
    const judged = judge(context, signer);
    if ('accepted' in judged) return judged;
    signers.push(judged);
  }
  const problem = signersProblem(signers, trust.policy, trust.signerNames);
  return problem === undefined ? { accepted: true } : no(problem.reason, problem.detail);
}

interface Context {
  source: ByteSource;
  cms: CmsSignedData;
  content: CmsContent;
  trust: CmsTrust;
  chain: ChainTrust;
}

function encapsulated(source: ByteSource, { contentParts }: CmsSignedData): ByteSource | undefined {
  const parts = contentParts.map(({ start, end }) => slice(source, start, end));
  return parts.length > 1 ? joined(parts) : parts[0];
}

function chainTrust(source: ByteSource, cms: CmsSignedData, trust: CmsTrust): ChainTrust {
  const lists = [...(trust.crls ?? []), ...cms.crls.map(({ start, end }) => source.read(start, end))];
  return {
    anchors: trust.keys.flatMap(({ certificate }) => read(certificate)),
    intermediates: cms.certificates.flatMap((certificate) => certificate.read ?? []),
    crls: lists.flatMap((list) => readRevocationList(list) ?? []),
    policy: trust.policy,
    at: trust.at ?? new Date(),
    purpose: trust.purpose ?? 'any',
  };
}

function read(der: Uint8Array | undefined): Certificate[] {
  const certificate = der === undefined ? undefined : readCertificate(der);
  return certificate === undefined ? [] : [certificate];
}

/** Who made the signature, or why it is not good. */
function judge(context: Context, signer: CmsSigner): GoodSigner | Refusal {
  const { digestAlgorithm } = signer;
  if (digestAlgorithm === undefined) return no('digest', 'a digest algorithm that is not known');
  const digest = contentDigest(context.content, digestAlgorithm);
  const attributes = attributesProblem(context, signer, digest);
  if (attributes !== undefined) return attributes;
  const id = signatureId(context.source, signer, digest);
  if (context.trust.genuineSignatures?.includes(id) === true)
    return genuineSigner(context, signer, digest, id);
  return signerByKey(context, signer, digest);
}

/** By the certificate that comes along with it, and is by its key; else known by the signature itself. */
function genuineSigner(context: Context, signer: CmsSigner, digest: Buffer, id: string): GoodSigner {
  for (const certificate of signerCertificates(context.cms, signer)) {
    const { publicKey } = certificate;
    if (publicKey !== undefined && checkSignature(context, signer, digest, publicKey).good) {
      return signerBy(publicKey, certificate);
    }
  }
  return { key: id };
}

export function contentDigest(content: CmsContent, algorithm: DigestAlgorithm): Buffer {
  return 'digest' in content ? content.digest(algorithm) : digestOf(content, algorithm);
}

/** Source: RFC 5652, 5.3 (what must be there) and 5.6. */
function attributesProblem(
  { source, cms }: Context,
  { signedAttributes, messageDigest, contentTypeAttribute }: CmsSigner,
  digest: Buffer,
): Refusal | undefined {
  if (signedAttributes === undefined) {
    return cms.contentType === oids.data
      ? undefined
      : no('format', `content of type ${cms.contentType} is signed without signed attributes`);
  }
  if (contentTypeAttribute !== cms.contentType) {
    return no('format', `signed for content of type ${contentTypeAttribute}, not ${cms.contentType}`);
  }
  if (messageDigest === undefined) return no('format', 'not exactly one message digest is signed');
  const stated = Buffer.from(source.read(messageDigest.start, messageDigest.end));
  if (stated.equals(digest)) return undefined;
  return no('digest', `the signed digest is ${hex(stated)}, the content has ${hex(digest)}`);
}

/** The signature under each key that it may be by; the first that fits is judged by its trust. */
function signerByKey(context: Context, signer: CmsSigner, digest: Buffer): GoodSigner | Refusal {
  const { cms, trust } = context;
  const known = [...trust.keys.map(({ certificate }) => certificate), ...(trust.genuineSigners ?? [])];
  const certificates = signerCertificates(cms, signer, known.flatMap(read));
  let worst: Refusal | undefined;
  for (const certificate of certificates) {
    const key = certificate.publicKey;
    if (key === undefined) continue;
    const check = checkSignature(context, signer, digest, key);
    const refusal = check.good
      ? trustProblem(context, certificate, key)
      : no('signature', `${nameOf(certificate)}: ${check.why}`);
    if (refusal === undefined) return signerBy(key, certificate);
    worst ??= refusal;
  }
  // A bare key has no name by which a signer could be found: each is tried.
  for (const trusted of trust.keys) {
    if (trusted.kind !== 'classic' || trusted.certificate !== undefined) continue;
    if (checkSignature(context, signer, digest, trusted.key).good) return signerBy(trusted.key);
  }
  return worst ?? no('untrusted', `no certificate of the signer ${signerName(signer)} is known`);
}

function trustProblem(
  { trust, chain }: Context,
  certificate: Certificate,
  key: KeyObject,
): Refusal | undefined {
  const bare = trust.keys.some(
    (trusted) => trusted.kind === 'classic' && trusted.certificate === undefined && trusted.key.equals(key),
  );
  if (bare) return undefined;
  const genuine = trust.genuineSigners?.some((der) => certificate.der.equals(der)) === true;
  const anchors = genuine ? [...chain.anchors, certificate] : chain.anchors;
  const problem = chainProblem(certificate, { ...chain, anchors });
  return problem === undefined ? undefined : no(problem.reason, problem.detail);
}

/** Certificates of the CMS and others that the signer's identifier fits; each once. */
export function signerCertificates(
  cms: CmsSignedData,
  signer: CmsSigner,
  others: readonly Certificate[] = [],
): Certificate[] {
  const inside = cms.certificates.flatMap((certificate) => certificate.read ?? []);
  const fitting = [...inside, ...others].filter((certificate) =>
    signer.issuerSerial === undefined
      ? certificate.subjectKeyIdentifier === signer.subjectKeyIdentifier
      : certificate.issuer === signer.issuerSerial.issuer &&
        certificate.serial === signer.issuerSerial.serial,
  );
  return [...new Map(fitting.map((certificate) => [hex(certificate.der), certificate])).values()];
}

function signerName({ issuerSerial, subjectKeyIdentifier }: CmsSigner): string {
  return issuerSerial === undefined ? `key ${subjectKeyIdentifier}` : `serial ${issuerSerial.serial}`;
}

/** What a signer signed: the DER of the signed attributes as a SET OF; undefined when it is the content itself. */
export function signedMessage(source: ByteSource, signer: CmsSigner): Buffer | undefined {
  if (signer.signedAttributes === undefined) return undefined;
  const der = toDer(source, signer.signedAttributes);
  der[0] = 0x31; // SET OF in place of the implicit [0] (RFC 5652, 5.4)
  return der;
}

function checkSignature(
  { source, content }: Context,
  signer: CmsSigner,
  digest: Buffer,
  key: KeyObject,
): SignatureCheck {
  const message = signedMessage(source, signer);
  const signature = source.read(signer.signature.start, signer.signature.end);
  if (signer.signatureOid === oids.ed25519) return checkEd25519(key, message, content, signature);
  const scheme = schemeOf(source, signer);
  if (typeof scheme === 'string') return { good: false, why: scheme };
  const algorithm = signer.digestAlgorithm ?? 'sha256';
  const signed = message === undefined ? digest : createHash(algorithm).update(message).digest();
  return verifyDigest(key, scheme, signed, signature);
}

function checkEd25519(
  key: KeyObject,
  message: Buffer | undefined,
  content: CmsContent,
  signature: Uint8Array,
): SignatureCheck {
  if (key.asymmetricKeyType !== 'ed25519') return { good: false, why: 'the key is no Ed25519 key' };
  if (message === undefined && 'digest' in content) return { good: false, why: 'Ed25519 needs the content' };
  const signed = message ?? materialise(content as ByteSource);
  return verifyBytes(null, signed, key, signature)
    ? { good: true }
    : { good: false, why: 'the Ed25519 signature does not verify' };
}

/** The scheme of a signer, or why there is none. */
export function schemeOf(source: ByteSource, signer: CmsSigner): DigestScheme | string {
  const { signatureOid: oid, digestAlgorithm: hash = 'sha256' } = signer;
  const implied = impliedDigest(rsaOids, oid) ?? impliedDigest(ecdsaOids, oid);
  if (implied !== undefined && implied !== hash) return `signed with ${implied}, and digested with ${hash}`;
  if (oid === oids.rsaEncryption || impliedDigest(rsaOids, oid) !== undefined)
    return { type: 'rsa-pkcs1', hash };
  if (oid === oids.ecPublicKey || impliedDigest(ecdsaOids, oid) !== undefined) {
    return { type: 'ecdsa', encoding: 'der' };
  }
  if (oid === oids.rsaPss) return pssScheme(source, signer.nodes.signatureAlgorithm.children[1], hash);
  return `the signature algorithm ${oid} is not known`;
}

/** RSASSA-PSS-params; absent fields mean SHA-1, MGF1 with SHA-1, 20 bytes of salt. Source: RFC 4055, 3.1. */
function pssScheme(
  source: ByteSource,
  params: DerNode | undefined,
  hash: DigestAlgorithm,
): DigestScheme | string {
  const field = (tag: number): DerNode | undefined =>
    params?.children.find((node) => node.class === 'context' && node.tag === tag)?.children[0];
  const digestIn = (node: DerNode | undefined): DigestAlgorithm | undefined =>
    node === undefined ? 'sha1' : digestByOid.get(derOid(source, node.children[0]));
  const salt = field(2);
  const mask = field(1);
  if (digestIn(field(0)) !== hash) return `PSS with another digest than ${hash}`;
  if (digestIn(mask?.children[1]) !== hash) return `a mask with another digest than ${hash}`;
  if (salt === undefined) return { type: 'rsa-pss', hash, saltBytes: 20 };
  const value = derValue(source, salt);
  if (salt.tag !== derTags.INTEGER || value.length === 0 || value.length > 4)
    return 'a salt length that is none';
  return { type: 'rsa-pss', hash, saltBytes: value.readUIntBE(0, value.length) };
}

/** Names each signature together with what it signs; for {@link CmsTrust.genuineSignatures}. */
export function genuineSignatureIds(
  source: ByteSource,
  cms: CmsSignedData,
  content: CmsContent | undefined,
): string[] {
  const signed = content ?? encapsulated(source, cms);
  if (signed === undefined) return [];
  return cms.signers.flatMap((signer) =>
    signer.digestAlgorithm === undefined
      ? []
      : [signatureId(source, signer, contentDigest(signed, signer.digestAlgorithm))],
  );
}

function signatureId(source: ByteSource, signer: CmsSigner, digest: Buffer): string {
  const algorithm = toDer(source, signer.nodes.signatureAlgorithm);
  const signature = source.read(signer.signature.start, signer.signature.end);
  const parts = [digest, signedMessage(source, signer) ?? Buffer.alloc(0), algorithm, signature];
  return `${signer.digestAlgorithm}:${parts.map(hex).join(':')}`;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
