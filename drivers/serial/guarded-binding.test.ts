import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { guardRead, ZERO_READS_OF_A_DEAD_LINE, type BoundPort } from './guarded-binding.ts';

/** A port whose descriptor gives the listed numbers of bytes. */
function portReading(counts: number[]): { port: BoundPort; reads: () => number } {
  let reads = 0;
  const port = { isOpen: true, fd: 99 } as unknown as BoundPort;
  guardRead(port, async (_fd, buffer) => {
    reads += 1;
    return { bytesRead: counts.shift() ?? 0, buffer };
  });
  return { port, reads: () => reads };
}

describe('guarded binding', () => {
  it('ends after three reads without a byte, where the binding would read for ever', async () => {
    const { port, reads } = portReading([]);
    await assert.rejects(port.read(Buffer.alloc(8), 0, 8), /hung up \(3 reads without a byte\)/);
    assert.equal(reads(), ZERO_READS_OF_A_DEAD_LINE);
  });

  it('counts in a row only, over several calls', async () => {
    const { port } = portReading([0, 0, 4, 0, 0, 1]);
    assert.equal((await port.read(Buffer.alloc(8), 0, 8)).bytesRead, 4);
    assert.equal((await port.read(Buffer.alloc(8), 0, 8)).bytesRead, 1);
  });
});
