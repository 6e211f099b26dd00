/** What an MCUboot image says of itself. */

import type { ByteSource } from '../../byte-source.ts';
import type { ImageFacts } from '../../format.ts';
import { knownKeyByHash } from '../../known-keys.ts';
import { counterOf, dependenciesOf } from './contents.ts';
import { digestTypes, encryptionTypes, flagsOf, signatureTypes, tlvTypes } from './layout.ts';
import { tlvsOf, valueOf, type McubootImage } from './parse.ts';
import { isPure, signedEntries } from './signatures.ts';

export function mcubootFacts(source: ByteSource, image: McubootImage): ImageFacts {
  const hex = (type: number): string[] =>
    tlvsOf(image, type).map((tlv) => valueOf(source, tlv).toString('hex'));
  const counter = counterOf(source, image);
  const telling = [...digestTypes.keys(), ...signatureTypes, ...encryptionTypes];
  return {
    ...(image.header === undefined ? {} : { version: image.header.version }),
    ...(counter === undefined ? {} : { counter: BigInt(counter) }),
    hardware: [
      ...hex(tlvTypes.UUID_VID).map((value) => ({ name: 'vendor id', value })),
      ...hex(tlvTypes.UUID_CID).map((value) => ({ name: 'class id', value })),
    ],
    algorithms: image.tlvs.filter(({ type }) => telling.includes(type)).map(({ name }) => name),
    signers: signersOf(source, image).map((value) => ({ name: 'key hash', value })),
    digests: [...digestTypes.keys()].flatMap(hex),
    other: otherFacts(source, image),
  };
}

/** At most 32: a hostile image may name thousands. */
function signersOf(source: ByteSource, image: McubootImage): string[] {
  const named = signedEntries(source, image).flatMap(({ keyHash }) => keyHash ?? []);
  return named.slice(0, 32);
}

function otherFacts(source: ByteSource, image: McubootImage): { name: string; value: string }[] {
  const facts: { name: string; value: string }[] = [];
  const tell = (name: string, value: string): void => void facts.push({ name, value });
  const { fields } = image.header ?? {};
  if (image.endian === 'big') tell('byte order', 'big-endian');
  if (fields !== undefined && fields.load_addr !== 0) {
    tell('load address', `0x${fields.load_addr.toString(16).padStart(8, '0')}`);
  }
  for (const flag of flagsOf(fields?.flags ?? 0)) tell('flag', flag);
  if (isPure(source, image)) tell('signed', 'the image itself (SIG_PURE), not its digest');
  for (const { image: index, atLeast } of dependenciesOf(source, image).slice(0, 32)) {
    tell('depends on', `image ${index}, version ${atLeast} or higher`);
  }
  for (const tlv of tlvsOf(image, tlvTypes.BOOT_RECORD, 'protected').slice(0, 1)) {
    tell('boot record', `${tlv.end - tlv.valueStart} bytes of CBOR`);
  }
  if (image.trailer !== undefined) {
    tell('slot trailer', `padded to ${image.size} bytes, alignment ${image.trailer.alignBytes}`);
  }
  for (const keyHash of new Set(signersOf(source, image))) {
    const known = knownKeyByHash(keyHash);
    if (known !== undefined) tell('published sample key', `${known.name}, ${known.source}`);
  }
  return facts;
}
