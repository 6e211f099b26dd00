import assert from 'node:assert/strict';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { afterEach, describe, it } from 'mocha';
import { Pty } from './pty.ts';

describe('pty', () => {
  let pty: Pty | undefined;
  afterEach(() => pty?.close());

  it('stops nobody when its tty is not read: bytes are held back, then lost', async () => {
    pty = new Pty(() => undefined);
    const sent = Buffer.from(Array.from({ length: 200_000 }, (_, i) => i % 251));
    for (let at = 0; at < sent.length; at += 1000) pty.write(sent.subarray(at, at + 1000));
    const seen = await readAll(pty.path);
    // A blocking write would not have come this far.
    assert.ok(seen.length >= 65_536 && seen.length < sent.length, `${seen.length} bytes`);
    assert.ok(seen.equals(sent.subarray(0, seen.length)), 'the first bytes, in order');
  });
});

/** What a tty gives until it has been still for 200 ms. */
async function readAll(path: string): Promise<Buffer> {
  const tty = openSync(path, constants.O_RDONLY | constants.O_NOCTTY | constants.O_NONBLOCK);
  const parts: Buffer[] = [];
  const part = Buffer.alloc(4096);
  let lastAt = Date.now();
  while (Date.now() - lastAt < 200) {
    let bytes = 0;
    try {
      bytes = readSync(tty, part);
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN');
    }
    if (bytes > 0) {
      parts.push(Buffer.from(part.subarray(0, bytes)));
      lastAt = Date.now();
    } else await new Promise((resolve) => setTimeout(resolve, 1));
  }
  closeSync(tty);
  return Buffer.concat(parts);
}
