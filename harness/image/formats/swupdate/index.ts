/** SWUpdate, as an image format of the engine. */

import type { ByteSource } from '../../byte-source.ts';
import { signerCertificates } from '../../crypto/cms.ts';
import { publishedKeys } from '../../known-keys.ts';
import { nameOf } from '../../crypto/chain.ts';
import type { Claim, ImageFacts, ImageFormat } from '../../format.ts';
import { swupdateMutations } from './mutations/index.ts';
import { descriptionName, parseSwupdate, type SwupdateImage } from './parse.ts';
import { executedDigest, swupdateVerifier } from './verify.ts';

export const swupdate: ImageFormat<SwupdateImage> = {
  name: 'swupdate',
  title: 'SWUpdate',
  claims,
  parse: parseSwupdate,
  facts,
  verifier: swupdateVerifier,
  executedDigest,
  mutations: swupdateMutations,
};

function claims(source: ByteSource): Claim | undefined {
  const head = Buffer.from(source.read(0, 110 + descriptionName.length + 1)).toString('latin1');
  if (!/^07070[12]/.test(head)) return undefined;
  return head.slice(110) === `${descriptionName}\0`
    ? { certainty: 'certain' }
    : { certainty: 'possible', doubt: `a cpio archive that does not begin with ${descriptionName}` };
}

function facts(_source: ByteSource, image: SwupdateImage): ImageFacts {
  const { description, cms, signatureEntry } = image;
  const signatureBytes = signatureEntry === undefined ? 0 : signatureEntry.dataEnd - signatureEntry.dataStart;
  const certificates =
    cms === undefined ? [] : cms.signers.flatMap((signer) => signerCertificates(cms, signer));
  return {
    ...(description?.version === undefined ? {} : { version: description.version }),
    hardware: (description?.hardware ?? []).map((value) => ({ name: 'hardware-compatibility', value })),
    algorithms:
      cms === undefined
        ? signatureBytes === 0
          ? []
          : [`RSA, ${signatureBytes * 8} bits`]
        : cms.signers.map(({ digestAlgorithm, signatureOid }) => `CMS ${digestAlgorithm}, ${signatureOid}`),
    signers: certificates.map((certificate) => ({ name: 'certificate', value: nameOf(certificate) })),
    digests: (description?.artifacts ?? []).flatMap(({ sha256 }) => sha256?.toLowerCase() ?? []),
    other: [
      { name: 'description', value: description?.json === true ? 'JSON' : 'libconfig' },
      ...(description?.artifacts ?? []).map(({ filename, version }) => ({
        name: 'image',
        value: version === undefined ? filename : `${filename} ${version}`,
      })),
      ...publishedKeys(certificates),
    ],
  };
}
