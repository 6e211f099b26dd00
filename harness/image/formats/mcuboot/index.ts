/** MCUboot, as an image format of the engine. */

import { digestOf } from '../../digest.ts';
import type { Claim, ImageFormat } from '../../format.ts';
import type { ByteSource } from '../../byte-source.ts';
import { classicKeys } from '../../trust.ts';
import { mcubootFacts } from './facts.ts';
import { mcubootMutations } from './mutations/index.ts';
import { endianOf, parseMcuboot, type McubootImage } from './parse.ts';
import { genuineSignatures } from './signatures.ts';
import { verifyMcuboot } from './verify.ts';

export const mcuboot: ImageFormat<McubootImage> = {
  name: 'mcuboot',
  title: 'MCUboot',
  claims: (source: ByteSource): Claim | undefined =>
    endianOf(source) === undefined ? undefined : { certainty: 'certain' },
  parse: parseMcuboot,
  facts: mcubootFacts,
  verifier: (trust) => {
    const keys = classicKeys(trust);
    const whom = keys.length > 0 ? { keys } : { genuine: trust.genuine.flatMap(genuineSignatures) };
    return (source) => verifyMcuboot(source, { ...whom, images: trust.genuine, policy: trust.policy });
  },
  executedDigest: (source, image) => digestOf(source, 'sha256', { end: image.signedEnd }).toString('hex'),
  mutations: mcubootMutations,
};
