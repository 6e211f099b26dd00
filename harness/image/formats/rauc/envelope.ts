/**
 * CMS EnvelopedData as it lies in a file, as far as attacks need it that have no key.
 *
 * Source: RFC 5652, 6.1.
 */

import type { ByteSource } from '../../byte-source.ts';
import { derOid, derTags, scanDer, type DerNode } from '../../codec/der.ts';
import type { CmsSpan } from '../../crypto/cms.ts';
import type { RegionTiler } from '../../image.ts';

export const envelopedDataOid = '1.2.840.113549.1.7.3';

export interface Envelope {
  span: CmsSpan;
  /** RecipientInfo, one for each key that opens it. */
  recipients: readonly CmsSpan[];
  /** OID of the cipher. */
  cipher: string;
  /** End of the cipher's identifier, whose last field is the initialisation vector. */
  cipherEnd: number;
  /** The encrypted content, in one piece. */
  encrypted: CmsSpan;
}

/** The EnvelopedData in `[start, end)`; undefined when it is none. Never throws. */
export function readEnvelope(source: ByteSource, span: CmsSpan): Envelope | undefined {
  const [root] = scanDer(source, span).nodes;
  const [type, explicit] = root?.children ?? [];
  if (derOid(source, type) !== envelopedDataOid) return undefined;
  const fields = explicit?.children[0]?.children ?? [];
  const recipients = fields.find((node) => is(node, derTags.SET));
  const info = fields.find((node) => is(node, derTags.SEQUENCE));
  const [, algorithm, encrypted] = info?.children ?? [];
  if (recipients === undefined || algorithm === undefined || encrypted?.constructed !== false)
    return undefined;
  return {
    span,
    recipients: recipients.children.map(({ start, end }) => ({ start, end })),
    cipher: derOid(source, algorithm.children[0]),
    cipherEnd: algorithm.end,
    encrypted: { start: encrypted.valueStart, end: encrypted.end },
  };
}

function is(node: DerNode, tag: number): boolean {
  return node.class === 'universal' && node.tag === tag;
}

/** `cms.header`, `cms.recipient` each, `cms.encryption`, `cms.encrypted`, `cms.end`. */
export function tileEnvelope(tiler: RegionTiler, envelope: Envelope): void {
  for (const { start, end } of envelope.recipients) {
    tiler.upTo(start, 'cms.header', 'unsigned');
    tiler.upTo(end, 'cms.recipient', 'unsigned');
  }
  tiler.upTo(envelope.encrypted.start, 'cms.encryption', 'unsigned');
  tiler.upTo(envelope.encrypted.end, 'cms.encrypted', 'signature');
  tiler.upTo(envelope.span.end, 'cms.end', 'unsigned');
}
