import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Answer, EndlessTransfer } from '../../harness/capabilities.ts';
import { until } from '../../harness/clock.ts';
import { withBench, type Bench } from './test/bench.ts';
import { YmodemReceiver, type Misbehaviour } from './test/ymodem-receiver.ts';

const file = {
  name: 'image.bin',
  bytes: Uint8Array.from({ length: 5000 }, (_, index) => (index * 7) & 0xff),
};
const stall: EndlessTransfer = { kind: 'stalls', bytes: 2000, withinMs: 200 };
const flood: EndlessTransfer = { kind: 'never-ends', bytes: 20 * 1024, withinMs: 200 };

async function send(
  how: Misbehaviour,
  endless: EndlessTransfer,
  check: (answer: Answer, receiver: YmodemReceiver, bench: Bench) => Promise<void> | void,
): Promise<void> {
  await withBench({}, async (bench) => {
    const receiver = new YmodemReceiver(bench.device, how);
    const answer = await bench.driver.console.sendFile(file, { blockWithinMs: 300, endless });
    await check(answer, receiver, bench);
  });
}

const cancelled = (receiver: YmodemReceiver): Promise<true> =>
  until(() => (receiver.cancelled ? true : undefined), { withinMs: 5000, what: 'CAN CAN' });

describe('a YMODEM transfer that stalls', () => {
  it('is refused when the receiver cancels it, after what was acknowledged', async () => {
    await send({ endsStall: { afterMs: 60, by: 'cancel' } }, stall, (answer, receiver) => {
      assert.equal(answer.kind, 'refused', answer.reason);
      assert.deepEqual(answer.delivery, { totalBytes: 5000, acknowledgedBytes: 2048, complete: false });
      assert.deepEqual([receiver.length, receiver.blocks.length], [5000, 3]); // header and two blocks, no more
      assert.ok(answer.elapsedMs >= 40 && answer.elapsedMs < 200, `${answer.elapsedMs} ms`);
    });
  });

  it('is silent when the receiver is still there, which a spoilt block shows; then it is cancelled', async () => {
    await send({}, stall, async (answer, receiver) => {
      assert.equal(answer.kind, 'silent');
      assert.match(answer.reason ?? '', /still receiving after \d{3} ms after 2048 of 5000 bytes/);
      assert.equal(receiver.data.length, 2048); // the spoilt block was not taken
      await cancelled(receiver);
    });
  });

  it('is closed when the receiver was gone without a word, between its last sign and the end', async () => {
    await send({ endsStall: { afterMs: 60, by: 'nothing' } }, stall, (answer, receiver) => {
      assert.equal(answer.kind, 'closed', answer.reason);
      assert.match(answer.reason ?? '', /without a word between 0 and \d{3} ms/);
      assert.ok(answer.elapsedMs < 100, `${answer.elapsedMs} ms`);
      assert.equal(receiver.cancelled, false); // a CAN would land in its command line
    });
  });

  it('has not begun when the receiver breaks off before', async () => {
    await send({ silentAt: 1 }, stall, (answer) => {
      assert.deepEqual([answer.kind, answer.delivery?.acknowledgedBytes], ['silent', 0]);
    });
  });
});

describe('a YMODEM transfer that never ends', () => {
  it('announces no length, repeats its content, and is refused when the receiver cancels it', async () => {
    await send({ cancelAt: 9 }, flood, (answer, receiver) => {
      assert.equal(answer.kind, 'refused', answer.reason);
      assert.equal(answer.delivery?.acknowledgedBytes, 8 * 1024);
      assert.ok(Number.isNaN(receiver.length));
      assert.deepEqual(receiver.data.subarray(5000, 8192), Buffer.from(file.bytes.subarray(0, 3192)));
    });
  });

  it('is silent when the receiver takes all of it; then it is cancelled', async () => {
    await send({}, flood, async (answer, receiver) => {
      assert.deepEqual([answer.kind, answer.delivery?.acknowledgedBytes], ['silent', 20 * 1024]);
      await cancelled(receiver);
      assert.equal(receiver.data.length, 20 * 1024);
    });
  });

  it('is told from one in which the receiver falls silent, still there or gone', async () => {
    await send({ silentAt: 5 }, flood, (answer) => {
      assert.deepEqual([answer.kind, answer.delivery?.acknowledgedBytes], ['silent', 4 * 1024]);
    });
    await send({ sayAt: { block: 5, text: '?\r\n' } }, flood, (answer) => {
      assert.deepEqual([answer.kind, answer.delivery?.acknowledgedBytes], ['closed', 4 * 1024]);
    });
  });
});
