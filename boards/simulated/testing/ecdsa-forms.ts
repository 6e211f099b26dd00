/** Other ways to write a DER-encoded ECDSA P-256 signature, for the tests of the image check. */

/** Order of P-256. Source: SEC 2 v2, 2.4.2. */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** r and order − s: valid for the same image, if it is not looked at which of the two s it is. */
export function otherS(signature: Buffer): Buffer {
  const [r, s] = numbers(signature);
  const high = (ORDER - BigInt(`0x${s.toString('hex')}`)).toString(16).padStart(64, '0');
  return sequence(integer(r), integer(Buffer.from(`00${high}`, 'hex')));
}

/** The length of the SEQUENCE in two bytes. */
export function longForm(signature: Buffer): Buffer {
  return Buffer.concat([Buffer.of(0x30, 0x81), signature.subarray(1)]);
}

/** r with one leading zero more. */
export function leadingZero(signature: Buffer): Buffer {
  const [r, s] = numbers(signature);
  return sequence(integer(Buffer.concat([Buffer.of(0), r])), integer(s));
}

/** Values of the two INTEGERs. */
function numbers(signature: Buffer): [Buffer, Buffer] {
  const rEnd = 4 + signature.readUInt8(3);
  return [signature.subarray(4, rEnd), signature.subarray(rEnd + 2)];
}

function integer(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.of(0x02, bytes.length), bytes]);
}

function sequence(...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.of(0x30, body.length), body]);
}
