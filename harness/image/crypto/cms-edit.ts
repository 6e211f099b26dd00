/**
 * Edits of a CMS SignedData, by surgery on its DER: what an edit does not touch keeps its bytes. Each takes the bytes of
 * one ContentInfo and gives those of another; undefined when there is nothing to edit.
 *
 * Source: RFC 5652, 5.
 */

import { bytesSource, type ByteSource } from '../byte-source.ts';
import { derBytes, derOid, encodeDer, encodeDerInteger, encodeDerOid, type DerNode } from '../codec/der.ts';
import { editDer, toIndefinite, toLongLength, wrap, type DerEdits } from '../codec/der-edit.ts';
import { parseCms, signerCertificates, type CmsNodes, type CmsSignedData, type CmsSigner } from './cms.ts';
import { oids } from './oids.ts';
import type { Certificate } from './x509.ts';

/** A CMS opened for edits. */
export interface CmsFile {
  source: ByteSource;
  cms: CmsSignedData;
  nodes: CmsNodes;
}

export function openCms(bytes: Uint8Array): CmsFile | undefined {
  const source = bytesSource(bytes);
  const cms = parseCms(source);
  return cms.nodes === undefined ? undefined : { source, cms, nodes: cms.nodes };
}

export type Edited = Buffer | undefined;

function edited(bytes: Uint8Array, edits: (file: CmsFile) => DerEdits | undefined): Edited {
  const file = openCms(bytes);
  const made = file && edits(file);
  return file === undefined || made === undefined ? undefined : editDer(file.source, file.nodes.root, made);
}

function ofSigner(
  bytes: Uint8Array,
  index: number,
  edits: (signer: CmsSigner, file: CmsFile) => DerEdits | undefined,
): Edited {
  return edited(bytes, (file) => {
    const signer = file.cms.signers[index];
    return signer && edits(signer, file);
  });
}

/** SignerInfos as they are, after a change of their list: removed, doubled, in another order, with others among them. */
export function withSigners(bytes: Uint8Array, change: (signers: Buffer[]) => readonly Uint8Array[]): Edited {
  return edited(bytes, ({ source, nodes: { signerInfos } }) => {
    const changed = change(signerInfos.children.map((node) => derBytes(source, node)));
    return new Map([[signerInfos, wrap(source, signerInfos, changed)]]);
  });
}

/** The same for certificates; without any, the field is absent. */
export function withCertificates(
  bytes: Uint8Array,
  change: (certificates: Buffer[]) => readonly Uint8Array[],
): Edited {
  return withOptional(bytes, 'certificates', change);
}

/** The same for revocation lists. */
export function withCrls(bytes: Uint8Array, change: (crls: Buffer[]) => readonly Uint8Array[]): Edited {
  return withOptional(bytes, 'crls', change);
}

function withOptional(
  bytes: Uint8Array,
  field: 'certificates' | 'crls',
  change: (elements: Buffer[]) => readonly Uint8Array[],
): Edited {
  return edited(bytes, ({ source, nodes }) => {
    const present = nodes[field];
    const changed = change((present?.children ?? []).map((node) => derBytes(source, node)));
    const encoded =
      changed.length === 0 ? Buffer.alloc(0) : encodeDer(field === 'crls' ? 0xa1 : 0xa0, ...changed);
    if (present !== undefined) return new Map([[present, encoded]]);
    const before = field === 'crls' ? (nodes.certificates ?? nodes.encapsulated) : nodes.encapsulated;
    return new Map([[before, Buffer.concat([derBytes(source, before), encoded])]]);
  });
}

/** The signature stays, and is now said to be over the content itself. */
export function withoutSignedAttributes(bytes: Uint8Array, index = 0): Edited {
  return ofSigner(bytes, index, ({ signedAttributes }) =>
    signedAttributes === undefined ? undefined : new Map([[signedAttributes, Buffer.alloc(0)]]),
  );
}

/** Another digest algorithm, by its OID, named by the signer and in the list of algorithms; the signature as it was. */
export function withDigestAlgorithm(bytes: Uint8Array, oid: string, index = 0): Edited {
  const algorithm = encodeDer(0x30, encodeDerOid(oid));
  return ofSigner(bytes, index, ({ nodes }, file) => {
    return new Map([
      [nodes.digestAlgorithm, algorithm],
      [file.nodes.digestAlgorithms, encodeDer(0x31, algorithm)],
    ]);
  });
}

/** Another AlgorithmIdentifier of the signature; the signature as it was. */
export function withSignatureAlgorithm(bytes: Uint8Array, algorithm: Uint8Array, index = 0): Edited {
  return ofSigner(bytes, index, ({ nodes }) => new Map([[nodes.signatureAlgorithm, algorithm]]));
}

/** An unsigned attribute beside those that are there. */
export function withUnsignedAttribute(bytes: Uint8Array, oid: string, value: Uint8Array, index = 0): Edited {
  const attribute = encodeDer(0x30, encodeDerOid(oid), encodeDer(0x31, value));
  return ofSigner(bytes, index, ({ nodes: { unsignedAttributes, signature } }, { source }) => {
    if (unsignedAttributes === undefined) {
      const field = encodeDer(0xa1, attribute);
      return new Map([[signature, Buffer.concat([derBytes(source, signature), field])]]);
    }
    const there = unsignedAttributes.children.map((node) => derBytes(source, node));
    return new Map([[unsignedAttributes, wrap(source, unsignedAttributes, [...there, attribute])]]);
  });
}

/** Other bytes for the signature value. */
export function withSignature(bytes: Uint8Array, signature: Uint8Array, index = 0): Edited {
  return ofSigner(bytes, index, ({ nodes }) => new Map([[nodes.signature, encodeDer(0x04, signature)]]));
}

/** Another message digest among the signed attributes, which are not signed anew. */
export function withMessageDigest(bytes: Uint8Array, digest: Uint8Array, index = 0): Edited {
  return ofSigner(bytes, index, ({ signedAttributes }, { source }) => {
    const value = signedAttributes && attributeValue(source, signedAttributes, oids.messageDigest);
    return value && new Map([[value, encodeDer(0x04, digest)]]);
  });
}

/** The first value of the first attribute of a type. */
export function attributeValue(source: ByteSource, attributes: DerNode, oid: string): DerNode | undefined {
  const found = attributes.children.find(({ children: [type] }) => derOid(source, type) === oid);
  return found?.children[1]?.children[0];
}

/** Content put in, replaced, or (undefined) taken out. */
export function withContent(bytes: Uint8Array, content: Uint8Array | undefined): Edited {
  return edited(bytes, ({ source, nodes: { encapsulated } }) => {
    const [type] = encapsulated.children;
    if (type === undefined) return undefined;
    const inside = content === undefined ? [] : [encodeDer(0xa0, encodeDer(0x04, content))];
    return new Map([[encapsulated, wrap(source, encapsulated, [derBytes(source, type), ...inside])]]);
  });
}

/** Elements that are signed as they stand: no encoding but their own will do. */
function fixedElements({ nodes }: CmsFile): ReadonlySet<DerNode> {
  return new Set([...(nodes.certificates?.children ?? []), ...(nodes.crls?.children ?? [])]);
}

/** Indefinite lengths, which BER allows (RFC 5652 allows BER), everywhere but in certificates. */
export function asIndefinite(bytes: Uint8Array): Edited {
  const file = openCms(bytes);
  return file && toIndefinite(file.source, file.nodes.root, fixedElements(file));
}

/** The length of the ContentInfo in one byte more than it needs. */
export function withLongLength(bytes: Uint8Array): Edited {
  const file = openCms(bytes);
  return file && toLongLength(file.source, file.nodes.root);
}

/** An OCTET STRING inside the ContentInfo, behind the SignedData. */
export function withJunkInside(bytes: Uint8Array, junk: Uint8Array): Edited {
  const file = openCms(bytes);
  if (file === undefined) return undefined;
  const { source, nodes } = file;
  const inside = nodes.root.children.map((node) => derBytes(source, node));
  return wrap(source, nodes.root, [...inside, encodeDer(0x04, junk)]);
}

/**
 * The first signer once more under its other name: by key identifier instead of issuer and serial number, or the other
 * way round. Names are not signed.
 *
 * @returns the SignerInfo, and the CMS with the version that both kinds of names need (RFC 5652, 5.1)
 */
export function withSecondIdentifier(bytes: Uint8Array): { signer: Buffer; cms: Buffer } | undefined {
  const file = openCms(bytes);
  const signer = file?.cms.signers[0];
  const certificate = file && signer && signerCertificates(file.cms, signer)[0];
  if (file === undefined || signer === undefined || certificate === undefined) return undefined;
  const { source, nodes } = file;
  const byKey = signer.issuerSerial !== undefined;
  const keyId = certificate.subjectKeyIdentifier;
  if (byKey && keyId === undefined) return undefined;
  const id = byKey ? encodeDer(0x80, Buffer.from(keyId ?? '', 'hex')) : issuerSerial(certificate);
  const renamed = new Map([
    [signer.nodes.id, id],
    [signer.nodes.version, encodeDerInteger(byKey ? 3n : 1n)],
  ]);
  const [version] = nodes.signedData.children;
  const upgraded = version === undefined ? new Map() : new Map([[version, encodeDerInteger(3n)]]);
  return {
    signer: editDer(source, signer.nodes.root, renamed),
    cms: editDer(source, nodes.root, upgraded),
  };
}

/** IssuerAndSerialNumber of a certificate. */
export function issuerSerial({ der, nodes }: Certificate): Buffer {
  const source = bytesSource(der);
  return encodeDer(0x30, derBytes(source, nodes.issuer), derBytes(source, nodes.serial));
}

/** Only the certificates of signers; undefined where there are no others. */
export function withoutIntermediates(bytes: Uint8Array): Edited {
  const file = openCms(bytes);
  if (file === undefined) return undefined;
  const own = file.cms.signers.flatMap((signer) => signerCertificates(file.cms, signer));
  const kept = [...new Map(own.map(({ der }) => [der.toString('hex'), der])).values()];
  if (kept.length === 0 || kept.length >= file.cms.certificates.length) return undefined;
  return withCertificates(bytes, () => kept);
}
