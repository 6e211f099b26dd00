/**
 * The attribute certificate table: WIN_CERTIFICATE entries, each aligned to 8 bytes, and what Authenticode puts into them.
 *
 * Source: Microsoft, PE Format, "The Attribute Certificate Table"; Windows Authenticode Portable Executable Signature
 * Format 1.0, "SpcIndirectDataContent".
 */

import type { ByteSource } from '../../byte-source.ts';
import { derOid, derTags, scanDer } from '../../codec/der.ts';
import { parseCms, tileCms, type CmsSignedData, type CmsSpan } from '../../crypto/cms.ts';
import { digestByOid } from '../../crypto/oids.ts';
import type { DigestAlgorithm } from '../../digest.ts';
import type { Issue, RegionTiler } from '../../image.ts';
import { align8, certificateHeaderBytes, certificateRevision, certificateType, peOids } from './layout.ts';

/** What was signed: the digest of the image, by which algorithm. */
export interface IndirectData {
  /** Undefined when it is none that is known. */
  algorithm: DigestAlgorithm | undefined;
  algorithmOid: string;
  /** The AlgorithmIdentifier. */
  algorithmSpan: CmsSpan;
  /** Contents of the OCTET STRING. */
  digest: CmsSpan;
}

export interface PeCertificate {
  /** Of the WIN_CERTIFICATE. */
  start: number;
  /** Where it says that it ends, clipped to the table. */
  end: number;
  claimedBytes: number;
  revision: number;
  type: number;
  /** Undefined for other types and revisions. */
  cms: CmsSignedData | undefined;
  /** Undefined when the CMS signs something else. */
  indirect: IndirectData | undefined;
}

/** A hostile table may hold very many entries. */
const mostCertificates = 32;

/** Reads the table, and tiles it. */
export function readCertificateTable(
  source: ByteSource,
  tiler: RegionTiler,
  table: { start: number; end: number },
  issues: Issue[],
): PeCertificate[] {
  const certificates: PeCertificate[] = [];
  const issue = (code: string, at: number, message: string): void => void issues.push({ code, at, message });
  let at = table.start;
  while (at < table.end) {
    const head = Buffer.from(source.read(at, Math.min(at + certificateHeaderBytes, table.end)));
    if (head.length < certificateHeaderBytes) {
      issue('certificate-length', at, `${head.length} bytes are left in the certificate table`);
      break;
    }
    if (certificates.length === mostCertificates) {
      issue('certificate-count', at, `more than ${mostCertificates} entries in the certificate table`);
      break;
    }
    const claimedBytes = head.readUInt32LE(0);
    if (claimedBytes < certificateHeaderBytes || at + claimedBytes > table.end) {
      issue(
        'certificate-length',
        at,
        `a certificate of ${claimedBytes} bytes where ${table.end - at} are left`,
      );
    }
    const certificate = readOne(source, at, Math.min(at + claimedBytes, table.end), head);
    tileOne(source, tiler, certificate, certificates.length, table.end);
    certificates.push(certificate);
    if (claimedBytes < certificateHeaderBytes) break;
    at = align8(at + claimedBytes);
  }
  return certificates;
}

function readOne(source: ByteSource, start: number, end: number, head: Buffer): PeCertificate {
  const revision = head.readUInt16LE(4);
  const type = head.readUInt16LE(6);
  const known = revision === certificateRevision && type === certificateType;
  const cms = known
    ? parseCms(source, { start: Math.min(start + certificateHeaderBytes, end), end })
    : undefined;
  return {
    start,
    end,
    claimedBytes: head.readUInt32LE(0),
    revision,
    type,
    cms,
    indirect: cms === undefined ? undefined : indirectData(source, cms),
  };
}

/** Source: Authenticode 1.0: SEQUENCE { SpcAttributeTypeAndOptionalValue, DigestInfo }; CMS has its contents. */
function indirectData(source: ByteSource, cms: CmsSignedData): IndirectData | undefined {
  const { content } = cms;
  if (cms.contentType !== peOids.indirectData || content === undefined) return undefined;
  const [data, info, ...more] = scanDer(source, content, { depth: 8, nodes: 100 }).nodes;
  const [algorithm, digest] = info?.children ?? [];
  if (data === undefined || algorithm === undefined || digest === undefined || more.length > 0)
    return undefined;
  if (derOid(source, data.children[0]) !== peOids.peImageData || digest.tag !== derTags.OCTET_STRING)
    return undefined;
  const algorithmOid = derOid(source, algorithm.children[0]);
  return {
    algorithm: digestByOid.get(algorithmOid),
    algorithmOid,
    algorithmSpan: { start: algorithm.start, end: algorithm.end },
    digest: { start: digest.valueStart, end: digest.end },
  };
}

function tileOne(
  source: ByteSource,
  tiler: RegionTiler,
  { start, end, cms }: PeCertificate,
  index: number,
  tableEnd: number,
): void {
  const name = `certificate${index}`;
  tiler.upTo(start, 'table.alignment', 'unsigned');
  tiler.upTo(Math.min(start + certificateHeaderBytes, tableEnd), `${name}.header`, 'unsigned');
  if (cms !== undefined && cms.span.end <= end) tileCms(tiler, source, cms, name, 'unsigned');
  tiler.upTo(end, `${name}.padding`, 'unsigned');
}
