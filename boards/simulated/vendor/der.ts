/** The vendor's DER writer. Source: ITU-T X.690 (02/2021), 8 and 10. */

/** An element of less than 16 MiB. */
export function tlv(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(contents);
  return Buffer.concat([Buffer.of(tag), length(body.length), body]);
}

export function sequence(...contents: readonly Uint8Array[]): Buffer {
  return tlv(0x30, ...contents);
}

export function set(...contents: readonly Uint8Array[]): Buffer {
  return tlv(0x31, ...contents);
}

/** @param dotted `1.2.840.10045.4.3.2` */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return tlv(0x06, Buffer.from([first * 40 + second, ...rest].flatMap(base128)));
}

/** A number of 0 to 127. */
export function smallInteger(value: number): Buffer {
  return tlv(0x02, Buffer.of(value));
}

/** UTCTime up to 2049, GeneralizedTime from then on (RFC 5280, 4.1.2.5). */
export function time(at: Date): Buffer {
  const digits = at.toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  return at.getUTCFullYear() < 2050
    ? tlv(0x17, Buffer.from(digits.slice(2)))
    : tlv(0x18, Buffer.from(digits));
}

function length(bytes: number): Buffer {
  if (bytes < 0x80) return Buffer.of(bytes);
  const digits = Buffer.alloc(3);
  digits.writeUIntBE(bytes, 0, 3);
  const start = digits.findIndex((digit) => digit !== 0);
  return Buffer.concat([Buffer.of(0x80 + 3 - start), digits.subarray(start)]);
}

function base128(arc: number): number[] {
  const bytes = [arc % 128];
  for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) {
    bytes.unshift(128 + (left % 128));
  }
  return bytes;
}
