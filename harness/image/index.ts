/** The front of the image engine. */

export {
  attackImages,
  attackSet,
  attacksOn,
  eachAttack,
  inMemory,
  genuine,
  trustedKeys,
  type AttackImage,
  type AttackOptions,
} from './generate.ts';
export { rebuildAttack, type GenuineImage, type Provenance } from './provenance.ts';
export { identifyImage, type ImageIdentity } from './identify.ts';
export { detachedFormat, guessLayout, imageFormats, joinDetached, splitDetached } from './formats/index.ts';
export { opaque } from './formats/opaque/index.ts';
export { formatOf, recognise } from './recognise.ts';
export { bytesSource, fileSource, type ByteSource } from './byte-source.ts';
export { policySchema, type Policy } from './policy.ts';
export { attackKinds, type AttackKind, type Expectation } from './mutation.ts';
export type { ImageFacts, ImageFormat } from './format.ts';
