/** What a file looks like that is not the key it should be: errors name it, so that nobody has to guess. */

import { bytesSource } from '../byte-source.ts';
import { derTags, scanDer, type DerNode } from '../codec/der.ts';

/** PEM blocks in order: label and text. */
export function pemBlocks(bytes: Uint8Array): { label: string; block: string }[] {
  const text = Buffer.from(bytes).toString('latin1');
  const blocks = [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----[^-]+-----END \1-----/g)];
  return blocks.map(([block, label]) => ({ block, label: label ?? '' }));
}

/** Contents of a PEM block, without headers such as `Proc-Type`. */
export function pemBody(block: string): Buffer {
  const lines = block.split(/\r?\n/).filter((line) => !line.startsWith('-----') && !line.includes(':'));
  return Buffer.from(lines.join(''), 'base64');
}

const textual: readonly (readonly [RegExp, string])[] = [
  [/^\s*(<!doctype html|<html)/i, 'a web page: the download may have been an error page'],
  [/^\s*<\?xml/i, 'an XML document'],
  [/^version https:\/\/git-lfs/, 'a Git LFS pointer: fetch the file itself with git lfs pull'],
  [/^-----BEGIN PGP/, 'an OpenPGP file, which is not understood'],
  [/^-----BEGIN (NEW )?CERTIFICATE REQUEST/m, 'a certificate request: it is not signed by anybody yet'],
  [/^-----BEGIN (PKCS7|CMS)/m, 'a CMS (PKCS #7) file: a signature or a bundle of certificates'],
  [/^-----BEGIN SSH SIGNATURE/m, 'an SSH signature'],
  [/^-----BEGIN X509 CRL/m, 'a certificate revocation list'],
  [/^-----BEGIN [A-Z0-9 ]*PRIVATE KEY/m, 'a private key'],
  [/^-----BEGIN OPENSSH PRIVATE KEY/m, 'a private key'],
  [/^-----BEGIN /m, 'a PEM file that is damaged, or of another kind'],
  [/^untrusted comment:.*signature/i, 'a minisign signature'],
  [/^untrusted comment:.*secret/i, 'a minisign secret key'],
  [/^\s*[[{]/, 'JSON'],
];

/** `a certificate request`, `a web page`, `64 bytes, as an Ed25519 or P-256 signature has`. */
export function looksLike(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'an empty file';
  const start = Buffer.from(bytes.subarray(0, 4096)).toString('latin1');
  const known = textual.find(([pattern]) => pattern.test(start));
  if (known !== undefined) return known[1];
  const der = derKind(bytes);
  if (der !== undefined) return der;
  if (bytes.every((byte) => byte === 0 || byte === 0xff))
    return `${bytes.length} bytes of nothing but 00 or FF`;
  const size = signatureSizes.get(bytes.length);
  if (size !== undefined) return `${bytes.length} bytes, as ${size} has`;
  return /^[\x20-\x7e\s]*$/.test(start) ? 'plain text' : `${bytes.length} bytes of an unknown kind`;
}

const signatureSizes = new Map([
  [64, 'an Ed25519 or ECDSA P-256 signature'],
  [96, 'an ECDSA P-384 signature'],
  [132, 'an ECDSA P-521 signature'],
  [256, 'an RSA-2048 signature'],
  [384, 'an RSA-3072 signature'],
  [512, 'an RSA-4096 signature'],
  [2420, 'an ML-DSA-44 signature'],
  [3309, 'an ML-DSA-65 signature'],
  [4627, 'an ML-DSA-87 signature'],
  [7856, 'an SLH-DSA-128s signature'],
  [17088, 'an SLH-DSA-128f signature'],
]);

/** By the elements of the outermost SEQUENCE. */
function derKind(bytes: Uint8Array): string | undefined {
  const { nodes } = scanDer(bytesSource(bytes), {}, { nodes: 200, depth: 4 });
  const [outer] = nodes;
  if (outer?.tag !== derTags.SEQUENCE || outer.end !== bytes.length || nodes.length !== 1) return undefined;
  const tags = outer.children.map(({ tag }) => tag).join(' ');
  const integers = `${derTags.INTEGER} ${derTags.INTEGER}`;
  if (tags === integers) {
    // Two numbers: an RSA public key has a short exponent, a signature two long ones.
    const [, second] = outer.children;
    return second !== undefined && second.end - second.valueStart > 12
      ? 'an ECDSA signature in DER'
      : undefined;
  }
  if (tags.startsWith(`${integers} ${derTags.INTEGER}`) || isPrivate(outer)) return 'a private key in DER';
  const [first] = outer.children;
  if (first?.tag === derTags.OBJECT_IDENTIFIER) return 'a CMS (PKCS #7) file';
  const [version, name] = first?.children ?? [];
  const request = version?.tag === derTags.INTEGER && name?.tag === derTags.SEQUENCE;
  return request && outer.children.length === 3
    ? 'a certificate request or revocation list in DER'
    : undefined;
}

/** PKCS #8 (version, algorithm, OCTET STRING) or SEC 1 (version, OCTET STRING). */
function isPrivate(outer: DerNode): boolean {
  const [version, second, third] = outer.children;
  if (version?.tag !== derTags.INTEGER) return false;
  const pkcs8 = second?.tag === derTags.SEQUENCE && third?.tag === derTags.OCTET_STRING;
  return pkcs8 || second?.tag === derTags.OCTET_STRING;
}
