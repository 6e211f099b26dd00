/** The front of the image engine. */

export {
  attackImages,
  attackSet,
  attacksOn,
  rebuildAttack,
  type AttackImage,
  type Provenance,
} from './generate.ts';
export { identifyImage, type ImageIdentity } from './identify.ts';
export { formatOf, imageFormats } from './format.ts';
export { bytesSource, type ByteSource } from './byte-source.ts';
