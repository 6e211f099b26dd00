/** Keys for images in the board file: the maker's public ones, and a private one that the device trusts for the test. */

import type { BoardFile } from '../board/index.ts';
import { readPublicKeys } from '../image/crypto/public-key.ts';
import { readTestKey } from '../image/crypto/test-key.ts';
import type { PublicKey, TestKey } from '../image/trust.ts';

/**
 * `keys.test`: a private key in PEM, the certificates that belong to it behind it, the signer's first.
 *
 * @throws BoardFileError when it holds no private key
 */
export function testKeyOf({ keys }: BoardFile): TestKey | undefined {
  const bytes = keys['test'];
  if (bytes === undefined) return undefined;
  const certified = Buffer.from(bytes).includes('BEGIN CERTIFICATE');
  return readTestKey(bytes, 'keys.test', certified ? bytes : undefined);
}

/**
 * `keys.maker`: public keys or certificates in PEM.
 *
 * @throws BoardFileError when it holds none
 */
export function makersKeysOf({ keys }: BoardFile): PublicKey[] {
  const bytes = keys['maker'];
  return bytes === undefined ? [] : readPublicKeys(Buffer.from(bytes), 'keys.maker');
}
