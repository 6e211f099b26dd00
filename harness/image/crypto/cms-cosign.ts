/** CMS with as many signers as there are keys, all anew. */

import type { ByteSource } from '../byte-source.ts';
import { openCms, withSigners, type Edited } from './cms-edit.ts';
import { resigned, type CmsSigningKey, type Random } from './cms-sign.ts';
import { signerCertificates } from './cms.ts';
import { bytesSource } from '../byte-source.ts';
import { derBytes } from '../codec/der.ts';

/**
 * The first signers of the CMS, one for each key, signed anew; further ones are left out. Certificates are those of all
 * keys together.
 *
 * @param content what is signed, encapsulated or not
 * @returns undefined when there are fewer signers than keys, or a key is of an unknown kind
 */
export function cosigned(
  bytes: Uint8Array,
  keys: readonly CmsSigningKey[],
  content: ByteSource,
  random: Random,
): Edited {
  const certificates = keys.flatMap(({ chain }) => chain ?? []).map((der) => Buffer.from(der));
  const chain = [...new Map(certificates.map((der) => [der.toString('hex'), der])).values()];
  let made = withSigners(bytes, (signers) => signers.slice(0, keys.length));
  for (const [index, key] of keys.entries()) {
    const by = key.chain === undefined ? key : { ...key, chain };
    made = made && resigned(made, by, content, random, index);
  }
  return made;
}

/** DER of the subject of each signer, in their order; undefined where its certificate does not come along. */
export function signerSubjects(bytes: Uint8Array): (Buffer | undefined)[] {
  const file = openCms(bytes);
  if (file === undefined) return [];
  return file.cms.signers.map((signer) => {
    const [certificate] = signerCertificates(file.cms, signer);
    return certificate && derBytes(bytesSource(certificate.der), certificate.nodes.subject);
  });
}
