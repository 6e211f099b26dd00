/** One digest for all entries of a case, so that a statement about it says what it has seen, and a reader can count. */

import { createHash } from 'node:crypto';

/** SHA-256 over the entries' hashes, 32 bytes each, in the order of the record. */
export class CaseDigest {
  readonly #hash = createHash('sha256');
  #entries = 0;

  /** @param hash of an entry, lower-case hex */
  add(hash: string): void {
    this.#hash.update(Buffer.from(hash, 'hex'));
    this.#entries += 1;
  }

  /** Ends it. */
  value(): { entries: number; sha256: string } {
    return { entries: this.#entries, sha256: this.#hash.digest('hex') };
  }
}
