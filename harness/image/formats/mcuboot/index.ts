/** MCUboot, as an image format of the engine. */

import { digestOf } from '../../digest.ts';
import type { Claim, ImageFacts, ImageFormat } from '../../format.ts';
import type { ByteSource } from '../../byte-source.ts';
import { classicKeys } from '../../trust.ts';
import { digestTypes, mcubootMagic, signatureTypes, tlvTypes } from './layout.ts';
import { mcubootMutations } from './mutations/index.ts';
import { parseMcuboot, tlvsOf, type McubootImage } from './parse.ts';
import { genuineSignatures, signedEntries, verifyMcuboot } from './verify.ts';

export const mcuboot: ImageFormat<McubootImage> = {
  name: 'mcuboot',
  title: 'MCUboot',
  claims,
  parse: parseMcuboot,
  facts,
  verifier: (trust) => {
    const keys = classicKeys(trust);
    const whom = keys.length > 0 ? { keys } : { genuine: trust.genuine.flatMap(genuineSignatures) };
    return (source) => verifyMcuboot(source, whom);
  },
  executedDigest: (source, image) => digestOf(source, 'sha256', { end: image.signedEnd }).toString('hex'),
  mutations: mcubootMutations,
};

function claims(source: ByteSource): Claim | undefined {
  const magic = Buffer.from(source.read(0, 4));
  return magic.length === 4 && magic.readUInt32LE(0) === mcubootMagic ? { certainty: 'certain' } : undefined;
}

function facts(source: ByteSource, image: McubootImage): ImageFacts {
  const value = (start: number, end: number): Buffer => Buffer.from(source.read(start, end));
  const [counter] = tlvsOf(image, tlvTypes.SEC_CNT, 'protected').map((tlv) => value(tlv.valueStart, tlv.end));
  return {
    ...(image.header === undefined ? {} : { version: image.header.version }),
    ...(counter?.length === 4 ? { counter: BigInt(counter.readUInt32LE(0)) } : {}),
    hardware: [],
    algorithms: image.tlvs
      .filter(({ type }) => digestTypes.has(type) || signatureTypes.has(type))
      .map(({ name }) => name),
    signers: signedEntries(source, image).map(({ keyHash }) => ({ name: 'key hash', value: keyHash })),
    digests: [...digestTypes.keys()]
      .flatMap((type) => tlvsOf(image, type))
      .map((tlv) => value(tlv.valueStart, tlv.end).toString('hex')),
    other: [],
  };
}
