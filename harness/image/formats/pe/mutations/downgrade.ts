/** Weaker digests in place of those that were signed. */

import { createHash } from 'node:crypto';
import { encodeDer, encodeDerOid, scanDer } from '../../../codec/der.ts';
import { editDer } from '../../../codec/der-edit.ts';
import { bytesSource } from '../../../byte-source.ts';
import { withDigestAlgorithm, withMessageDigest } from '../../../crypto/cms-edit.ts';
import { digestOids } from '../../../crypto/oids.ts';
import { parseCms } from '../../../crypto/cms.ts';
import { imageDigest } from '../verify.ts';
import { attack, authenticode, editedTable, type PeInput, type PeMutation } from './common.ts';

/** The CMS for the SHA-1 digest of the image, nothing in it signed anew. */
function sha1Indirect(input: PeInput, cms: Buffer): Buffer | undefined {
  const source = bytesSource(cms);
  const { nodes } = parseCms(source);
  const info = nodes?.encapsulated.children[1]?.children[0]?.children[1];
  if (nodes === undefined || info === undefined) return undefined;
  const digest = imageDigest(input.base, input.image, 'sha1');
  const algorithm = encodeDer(0x30, encodeDerOid(digestOids.sha1), Buffer.of(5, 0));
  const weak = encodeDer(0x30, algorithm, encodeDer(0x04, digest));
  return editDer(source, nodes.root, new Map([[info, weak]]));
}

/** Contents of the SpcIndirectDataContent. */
function contentOf(cms: Buffer): Buffer {
  const { content } = parseCms(bytesSource(cms));
  return cms.subarray(content?.start ?? 0, content?.end ?? 0);
}

const indirect = attack({
  id: 'pe-digest-sha1-stale-digest',
  kind: 'downgrade',
  name: 'whose signature names the SHA-1 digest of the image',
  rationale: 'The digest and its algorithm are signed: a weaker one is another statement.',
  references: ['SIG-10', authenticode],
  plan: (input) => editedTable(input, (cms) => sha1Indirect(input, cms), { refusedFor: 'cms-digest' }),
});

const indirectFresh = attack({
  id: 'pe-digest-sha1-fresh-digest',
  kind: 'downgrade',
  name: 'whose signature names the SHA-1 digest of the image, the message digest recomputed',
  rationale: 'Every digest fits, so that only the signature can tell.',
  references: ['SIG-10', authenticode],
  plan: (input) =>
    editedTable(
      input,
      (cms, certificate) => {
        const weak = sha1Indirect(input, cms);
        const hash = certificate.cms?.signers[0]?.digestAlgorithm;
        if (weak === undefined || hash === undefined) return undefined;
        return withMessageDigest(weak, createHash(hash).update(contentOf(weak)).digest());
      },
      { refusedFor: 'signature' },
    ),
});

const everything = attack({
  id: 'pe-digest-sha1-throughout',
  kind: 'downgrade',
  name: 'with SHA-1 in every place of its signature',
  rationale:
    'Digest of the image, of the content and of the attributes: all by SHA-1, and the signature the genuine one.',
  references: ['SIG-10', authenticode],
  plan: (input) =>
    editedTable(input, (cms) => {
      const weak = sha1Indirect(input, cms);
      const digest = weak && createHash('sha1').update(contentOf(weak)).digest();
      const named = weak && withDigestAlgorithm(weak, digestOids.sha1);
      return named && digest && withMessageDigest(named, digest);
    }),
});

const unknown = attack({
  id: 'pe-digest-unknown',
  kind: 'downgrade',
  name: 'whose signature names a digest that there is none of',
  rationale: 'An algorithm that is not known must end in a refusal, never in a check that is left out.',
  references: ['SIG-10', authenticode],
  plan: (input) =>
    editedTable(
      input,
      (cms) => {
        const source = bytesSource(cms);
        const { nodes } = parseCms(source);
        const info = nodes?.encapsulated.children[1]?.children[0]?.children[1];
        const algorithm = info?.children[0];
        if (nodes === undefined || algorithm === undefined || scanDer(source).issues.length > 0)
          return undefined;
        return editDer(source, nodes.root, new Map([[algorithm, encodeDer(0x30, encodeDerOid('1.2.3.4'))]]));
      },
      { refusedFor: 'digest' },
    ),
});

export const downgradeMutations: readonly PeMutation[] = [indirect, indirectFresh, everything, unknown];
