/**
 * CMS SignedData as it lies in a file: tolerant, with the place of everything. Verification is in cms-verify.ts, edits
 * for attacks in cms-edit.ts.
 *
 * Source: RFC 5652, 3 and 5.
 */

import type { X509Certificate } from 'node:crypto';
import type { ByteSource } from '../byte-source.ts';
import { derBytes, derOid, derTags, derValue, scanDer, scanDerElement, type DerNode } from '../codec/der.ts';
import { toDer } from '../codec/der-edit.ts';
import type { DigestAlgorithm } from '../digest.ts';
import type { Coverage, Issue, RegionTiler } from '../image.ts';
import { digestByOid, oids } from './oids.ts';
import { derTime, readCertificate, type Certificate } from './x509.ts';

export {
  genuineSignatureIds,
  signerCertificates,
  verifyCms,
  type CmsContent,
  type CmsTrust,
} from './cms-verify.ts';

/** Bytes `[start, end)` of the source that was parsed. */
export interface CmsSpan {
  start: number;
  end: number;
}

export interface CmsSigner {
  span: CmsSpan;
  /** Undefined when it is none that is known. */
  digestAlgorithm: DigestAlgorithm | undefined;
  signatureOid: string;
  /** Contents of the OCTET STRING. */
  signature: CmsSpan;
  /** The `[0]` as it lies in the file; what is signed is its DER as a SET OF. */
  signedAttributes?: DerNode;
  /** Contents of the attribute's OCTET STRING, when there is exactly one attribute with exactly one value. */
  messageDigest?: CmsSpan;
  /** The same for the content type. */
  contentTypeAttribute?: string;
  signingTime?: Date;
  /** DER of the issuer's name and contents of the serial number, lower-case hex. */
  issuerSerial?: { issuer: string; serial: string };
  /** Lower-case hex. */
  subjectKeyIdentifier?: string;
  nodes: CmsSignerNodes;
}

export interface CmsSignerNodes {
  root: DerNode;
  version: DerNode;
  id: DerNode;
  digestAlgorithm: DerNode;
  signatureAlgorithm: DerNode;
  signature: DerNode;
  unsignedAttributes: DerNode | undefined;
}

export interface CmsCertificate {
  span: CmsSpan;
  /** Its public key may be one that node:crypto does not take: then reading it throws; `read.publicKey` does not. */
  certificate?: X509Certificate;
  /** Everything else about it. */
  read?: Certificate;
}

export interface CmsNodes {
  root: DerNode;
  signedData: DerNode;
  digestAlgorithms: DerNode;
  encapsulated: DerNode;
  certificates: DerNode | undefined;
  crls: DerNode | undefined;
  signerInfos: DerNode;
}

export interface CmsSignedData {
  /** The ContentInfo. */
  span: CmsSpan;
  /** OID of the encapsulated content. */
  contentType: string;
  /** Encapsulated content in one piece; absent when it is detached or in several pieces (BER). */
  content?: CmsSpan;
  /** Encapsulated content in its pieces; empty when it is detached. */
  contentParts: readonly CmsSpan[];
  certificates: readonly CmsCertificate[];
  crls: readonly CmsSpan[];
  signers: readonly CmsSigner[];
  /**
   * `cms-…` for the structure, `der-…` for its encoding. Indefinite and long lengths are allowed by BER, and by
   * RFC 5652; {@link verifyCms} does not refuse for them.
   */
  issues: readonly Issue[];
  /** Undefined when it is no SignedData. */
  nodes: CmsNodes | undefined;
}

/** A certificate of more bytes is not looked into. */
const mostCertificateBytes = 65_536;
/** More certificates, lists or signers are not looked into. */
const mostElements = 64;

/** Reads the ContentInfo at `start`. Never throws. What lies behind it, up to `end`, is the caller's (`span.end`). */
export function parseCms(source: ByteSource, range: { start?: number; end?: number } = {}): CmsSignedData {
  const start = Math.min(range.start ?? 0, source.size);
  const end = Math.min(range.end ?? source.size, source.size);
  const first = scanDerElement(source, start, end);
  const { nodes, issues } = scanDer(source, { start, end: first?.end ?? start });
  const reader = new Reader(source, [...issues]);
  return reader.read(nodes[0], start);
}

class Reader {
  readonly #source: ByteSource;
  readonly #issues: Issue[];

  constructor(source: ByteSource, issues: Issue[]) {
    this.#source = source;
    this.#issues = issues;
  }

  read(root: DerNode | undefined, start: number): CmsSignedData {
    const nodes = this.#nodes(root);
    const shared = { span: { start, end: root?.end ?? start }, issues: this.#issues, nodes };
    if (nodes === undefined) {
      this.#issue('cms-format', start, 'not a CMS SignedData');
      return { ...shared, contentType: '', contentParts: [], certificates: [], crls: [], signers: [] };
    }
    const contentType = derOid(this.#source, nodes.encapsulated.children[0]);
    const contentParts = partsOf(nodes.encapsulated.children[1]?.children[0]);
    const [only] = contentParts;
    return {
      ...shared,
      contentType,
      contentParts,
      ...(only !== undefined && contentParts.length === 1 ? { content: only } : {}),
      certificates: this.#limited(nodes.certificates).map((node) => this.#certificate(node)),
      crls: this.#limited(nodes.crls).map(spanOf),
      signers: this.#limited(nodes.signerInfos).flatMap((node) => this.#signer(node)),
    };
  }

  #nodes(root: DerNode | undefined): CmsNodes | undefined {
    const [type, explicit] = root?.children ?? [];
    const [signedData] = explicit?.children ?? [];
    if (root === undefined || derOid(this.#source, type) !== oids.signedData || signedData === undefined) {
      return undefined;
    }
    const [version, digestAlgorithms, encapsulated, ...rest] = elementsOf(signedData);
    const signerInfos = rest.at(-1);
    if (version === undefined || digestAlgorithms === undefined || encapsulated === undefined)
      return undefined;
    if (signerInfos === undefined || !isUniversal(signerInfos, derTags.SET)) return undefined;
    const optional = (tag: number): DerNode | undefined =>
      rest.find((node) => node.class === 'context' && node.tag === tag);
    if (rest.length > 1 + Number(optional(0) !== undefined) + Number(optional(1) !== undefined)) {
      this.#issue('cms-extra', signedData.start, 'elements in the SignedData that do not belong there');
    }
    return {
      root,
      signedData,
      digestAlgorithms,
      encapsulated,
      certificates: optional(0),
      crls: optional(1),
      signerInfos,
    };
  }

  #limited(node: DerNode | undefined): readonly DerNode[] {
    const elements = node === undefined ? [] : elementsOf(node);
    if (elements.length > mostElements) {
      this.#issue('cms-many', elements[mostElements]?.start ?? 0, `${elements.length} elements of one kind`);
    }
    return elements.slice(0, mostElements);
  }

  #certificate(node: DerNode): CmsCertificate {
    const span = spanOf(node);
    if (span.end - span.start > mostCertificateBytes) return { span };
    const read = readCertificate(derBytes(this.#source, node));
    if (read === undefined) return { span };
    return { span, read, ...(read.x509 === undefined ? {} : { certificate: read.x509 }) };
  }

  #signer(root: DerNode): CmsSigner[] {
    const [version, id, digestAlgorithm, ...rest] = elementsOf(root);
    const attributes = rest.find((node) => node.class === 'context' && node.tag === 0);
    const unsignedAttributes = rest.find((node) => node.class === 'context' && node.tag === 1);
    const [signatureAlgorithm, signature] = rest.filter(({ class: of }) => of === 'universal');
    if (version === undefined || id === undefined || digestAlgorithm === undefined)
      return this.#noSigner(root);
    if (signatureAlgorithm === undefined || signature === undefined) return this.#noSigner(root);
    const digest = digestByOid.get(derOid(this.#source, digestAlgorithm.children[0]));
    return [
      {
        span: spanOf(root),
        digestAlgorithm: digest,
        signatureOid: derOid(this.#source, signatureAlgorithm.children[0]),
        signature: { start: signature.valueStart, end: signature.end },
        ...(attributes === undefined ? {} : this.#attributes(attributes)),
        ...this.#identifier(id),
        nodes: { root, version, id, digestAlgorithm, signatureAlgorithm, signature, unsignedAttributes },
      },
    ];
  }

  #noSigner(root: DerNode): [] {
    this.#issue('cms-signer', root.start, 'a SignerInfo that lacks a field');
    return [];
  }

  #identifier(id: DerNode): Pick<CmsSigner, 'issuerSerial' | 'subjectKeyIdentifier'> {
    if (id.class === 'context') return { subjectKeyIdentifier: derValue(this.#source, id).toString('hex') };
    const [issuer, serial] = id.children;
    if (issuer === undefined || serial === undefined) return {};
    return {
      issuerSerial: {
        issuer: toDer(this.#source, issuer).toString('hex'),
        serial: derValue(this.#source, serial).toString('hex'),
      },
    };
  }

  #attributes(
    attributes: DerNode,
  ): Pick<CmsSigner, 'signedAttributes' | 'messageDigest' | 'contentTypeAttribute' | 'signingTime'> {
    const digest = this.#attribute(attributes, oids.messageDigest);
    const contentType = this.#attribute(attributes, oids.contentType);
    const time = derTime(this.#source, this.#attribute(attributes, oids.signingTime));
    return {
      signedAttributes: attributes,
      ...(digest === undefined ? {} : { messageDigest: { start: digest.valueStart, end: digest.end } }),
      ...(contentType === undefined ? {} : { contentTypeAttribute: derOid(this.#source, contentType) }),
      ...(time === undefined ? {} : { signingTime: time }),
    };
  }

  /** The only value of the only attribute of that type (RFC 5652, 11.1 and 11.2). */
  #attribute(attributes: DerNode, oid: string): DerNode | undefined {
    const found = attributes.children.filter(({ children: [type] }) => derOid(this.#source, type) === oid);
    const set = found[0]?.children[1];
    const values = set === undefined ? [] : elementsOf(set);
    return found.length === 1 && values.length === 1 ? values[0] : undefined;
  }

  #issue(code: string, at: number, message: string): void {
    this.#issues.push({ code, at, message });
  }
}

function isUniversal(node: DerNode, tag: number): boolean {
  return node.class === 'universal' && node.tag === tag;
}

/** Children without the end-of-contents of an indefinite length. */
function elementsOf(node: DerNode): readonly DerNode[] {
  return node.children.filter((child) => !(isUniversal(child, 0) && child.claimedBytes === 0));
}

function spanOf({ start, end }: DerNode): CmsSpan {
  return { start, end };
}

/** An OCTET STRING may come in pieces (X.690, 8.7.3). PKCS #7 has other types: their contents without tag and length. */
function partsOf(content: DerNode | undefined): readonly CmsSpan[] {
  if (content === undefined) return [];
  const octets = isUniversal(content, derTags.OCTET_STRING);
  if (octets && content.constructed) return elementsOf(content).flatMap(partsOf);
  return [{ start: content.valueStart, end: content.end }];
}

/**
 * Leaves for the ContentInfo, from where the tiler stands to the end of the ContentInfo: `<prefix>.header`, `.content`,
 * `.certificates`, `.crls`, `.signer.id`, `.signer.signedAttributes`, `.signer.signatureAlgorithm`, `.signer.signature`,
 * `.signer.unsignedAttributes` and `.end`. Of several signers, the second's are called `…#2`.
 *
 * @param coverage of everything but content and signed attributes (signed) and signature values (signature)
 */
export function tileCms(
  tiler: RegionTiler,
  _source: ByteSource,
  cms: CmsSignedData,
  prefix: string,
  coverage: Coverage,
): void {
  const { nodes } = cms;
  if (nodes !== undefined) {
    const [firstPart] = cms.contentParts;
    if (firstPart !== undefined) {
      tiler.upTo(firstPart.start, `${prefix}.header`, coverage);
      tiler.upTo(cms.contentParts.at(-1)?.end ?? 0, `${prefix}.content`, 'signed');
    }
    tiler.upTo(nodes.encapsulated.end, `${prefix}.header`, coverage);
    if (nodes.certificates !== undefined)
      tiler.upTo(nodes.certificates.end, `${prefix}.certificates`, coverage);
    if (nodes.crls !== undefined) tiler.upTo(nodes.crls.end, `${prefix}.crls`, coverage);
    for (const signer of cms.signers) {
      const { signedAttributes, signature } = signer;
      if (signedAttributes !== undefined) {
        tiler.upTo(signedAttributes.start, `${prefix}.signer.id`, coverage);
        tiler.upTo(signedAttributes.end, `${prefix}.signer.signedAttributes`, 'signed');
      } else tiler.upTo(signer.nodes.digestAlgorithm.end, `${prefix}.signer.id`, coverage);
      tiler.upTo(signature.start, `${prefix}.signer.signatureAlgorithm`, coverage);
      tiler.upTo(signature.end, `${prefix}.signer.signature`, 'signature');
      tiler.upTo(signer.span.end, `${prefix}.signer.unsignedAttributes`, coverage);
    }
  }
  tiler.upTo(cms.span.end, `${prefix}.end`, coverage);
}
