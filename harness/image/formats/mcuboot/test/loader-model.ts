/**
 * What MCUboot's own validation does with an image, modelled from its sources in its own order: lenient where it is
 * lenient. It shares no code with our parser and verifier; attacks that must be refused are held against it.
 *
 * Source: MCUboot, boot/bootutil/src/image_validate.c, tlv.c, bootutil_find_key.c, bootutil_loader.c
 * (boot_check_header_valid), without encryption and compression.
 */

import { constants, createHash, createPublicKey, verify, type KeyObject } from 'node:crypto';

/** How the loader was built. */
export interface LoaderBuild {
  key: KeyObject;
  hash: 'sha256' | 'sha384' | 'sha512';
  /** MCUBOOT_SIGN_PURE */
  pure: boolean;
  /** MCUBOOT_USE_TLV_ALLOW_LIST */
  allowList: boolean;
  /** MCUBOOT_BYPASS_KEY_MATCH: the one key is used whatever the image names. */
  bypassKeyMatch: boolean;
  /** MCUBOOT_HW_ROLLBACK_PROT with this counter in store. */
  counter?: number;
  bigEndian: boolean;
  /** Adds sizes in 32 bits, as no sound one does. */
  wraps?: boolean;
}

const hashTypes = { sha256: 0x10, sha384: 0x11, sha512: 0x12 };

/** True when the loader would run it. */
export function loaderTakes(build: LoaderBuild, file: Uint8Array): boolean {
  // A slot is larger than any image; what was not written is erased.
  const slot = Buffer.concat([file, Buffer.alloc(0x8000, 0xff)]);
  const u16 = (at: number): number => (build.bigEndian ? slot.readUInt16BE(at) : slot.readUInt16LE(at));
  const u32 = (at: number): number => (build.bigEndian ? slot.readUInt32BE(at) : slot.readUInt32LE(at));
  try {
    if (u32(0) !== 0x96f3b83d || (u32(16) & 0x60c) !== 0) return false;
    const [hdrSize, protectSize, imgSize] = [u16(8), u16(10), u32(12)];
    const tlvAt = build.wraps === true ? (hdrSize + imgSize) % 2 ** 32 : hdrSize + imgSize;
    const size = tlvAt + protectSize;
    if (size > 0xffff_ffff || size >= slot.length) return false;
    return new Validation(build, slot, { u16, u32 }).run(tlvAt, protectSize);
  } catch (error) {
    if (error instanceof RangeError) return false; // a read beyond the flash area fails
    throw error;
  }
}

class Validation {
  readonly #build: LoaderBuild;
  readonly #slot: Buffer;
  readonly #read: { u16: (at: number) => number; u32: (at: number) => number };
  #keyFound = false;
  #hashGood = false;
  #signatureGood = false;
  #counterGood = false;

  constructor(
    build: LoaderBuild,
    slot: Buffer,
    read: { u16: (at: number) => number; u32: (at: number) => number },
  ) {
    this.#build = build;
    this.#slot = slot;
    this.#read = read;
  }

  run(tlvAt: number, protectSize: number): boolean {
    const { u16 } = this.#read;
    const signedEnd = tlvAt + protectSize;
    let [magic, total] = [u16(tlvAt), u16(tlvAt + 2)];
    if (magic === 0x6908) {
      if (total !== protectSize) return false;
      [magic, total] = [u16(signedEnd), u16(signedEnd + 2)];
    } else if (protectSize !== 0) return false;
    if (magic !== 0x6907) return false;
    if (this.#build.pure && !this.#findPure(tlvAt, signedEnd, signedEnd + total, protectSize)) return false;
    for (const [type, at, length] of this.#entries(tlvAt, signedEnd, signedEnd + total, protectSize)) {
      if (this.#build.allowList && at >= signedEnd && !this.#allowed(type)) return false;
      if (!this.#entry(type, at, length, signedEnd)) return false;
    }
    const counted = this.#build.counter === undefined || this.#counterGood;
    return this.#signatureGood && counted && (this.#build.pure || this.#hashGood);
  }

  *#entries(
    tlvAt: number,
    protectedEnd: number,
    end: number,
    protectSize: number,
  ): Generator<[type: number, at: number, length: number]> {
    for (let at = tlvAt + 4; at < end;) {
      if (protectSize > 0 && at === protectedEnd) at += 4;
      const field = this.#read.u16(at);
      const length = this.#read.u16(at + 2);
      yield [this.#build.bigEndian && (field & 0xff) === 0 ? field >> 8 : field, at + 4, length];
      at += 4 + length;
    }
  }

  #findPure(tlvAt: number, protectedEnd: number, end: number, protectSize: number): boolean {
    for (const [type, at, length] of this.#entries(tlvAt, protectedEnd, end, protectSize)) {
      if (type === 0x25) return length === 1 && this.#slot.readUInt8(at) === 1;
    }
    return false;
  }

  #allowed(type: number): boolean {
    const own = [0x01, 0x02, hashTypes[this.#build.hash], this.#signatureType(), 0x30, 0x31, 0x32, 0x33];
    return own.includes(type) || (this.#build.pure && type === 0x25);
  }

  /** False when validation ends here. */
  #entry(type: number, at: number, length: number, signedEnd: number): boolean {
    const { hash, pure, counter } = this.#build;
    if (!pure && type === hashTypes[hash]) return this.#digest(at, length, signedEnd);
    if (type === 0x01 || type === 0x02) {
      if (length > 600) return false;
      this.#keyFound = this.#findKey(type, this.#bytes(at, length));
      return true;
    }
    if (type === this.#signatureType()) return this.#signature(at, length, signedEnd);
    if (type === 0x50 && counter !== undefined) {
      if (length !== 4 || this.#read.u32(at) < counter) return false;
      this.#counterGood = true;
    }
    return true;
  }

  #digest(at: number, length: number, signedEnd: number): boolean {
    const digest = createHash(this.#build.hash).update(this.#slot.subarray(0, signedEnd)).digest();
    if (length !== digest.length || !digest.equals(this.#bytes(at, length))) return false;
    this.#hashGood = true;
    return true;
  }

  #findKey(type: number, named: Buffer): boolean {
    const publicKey = createPublicKey(this.#build.key);
    const rsa = publicKey.asymmetricKeyType === 'rsa';
    const der = publicKey.export({ type: rsa ? 'pkcs1' : 'spki', format: 'der' });
    if (type === 0x02) return named.equals(der);
    return createHash(this.#build.hash).update(der).digest().subarray(0, named.length).equals(named);
  }

  #signatureType(): number {
    const { asymmetricKeyType, asymmetricKeyDetails } = this.#build.key;
    if (asymmetricKeyType === 'ed25519') return 0x24;
    if (asymmetricKeyType === 'ec') return 0x22;
    return asymmetricKeyDetails?.modulusLength === 3072 ? 0x23 : 0x20;
  }

  #signature(at: number, length: number, signedEnd: number): boolean {
    const { key, hash, pure, bypassKeyMatch } = this.#build;
    if (!this.#keyFound && !bypassKeyMatch) return true;
    const signature = this.#bytes(at, length);
    const region = this.#slot.subarray(0, signedEnd);
    const publicKey = createPublicKey(key);
    this.#keyFound = false;
    if (key.asymmetricKeyType === 'ed25519') {
      if (length !== 64) return false;
      const message = pure ? region : createHash(hash).update(region).digest();
      this.#signatureGood = verify(null, message, publicKey, signature);
    } else if (key.asymmetricKeyType === 'ec') {
      this.#signatureGood = verify(hash, region, publicKey, signature);
    } else {
      const padding = constants.RSA_PKCS1_PSS_PADDING;
      if (length !== (key.asymmetricKeyDetails?.modulusLength ?? 0) / 8) return false;
      this.#signatureGood = verify(hash, region, { key: publicKey, padding, saltLength: 32 }, signature);
    }
    return true;
  }

  #bytes(at: number, length: number): Buffer {
    if (at + length > this.#slot.length) throw new RangeError('beyond the flash area');
    return this.#slot.subarray(at, at + length);
  }
}
