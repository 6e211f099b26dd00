import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Answer, EndlessTransfer } from '../../../harness/capabilities.ts';
import { withBench } from '../test/bench.ts';
import { adapter } from '../test/adapter.ts';
import { YmodemReceiver, type Misbehaviour } from '../test/ymodem-receiver.ts';

describe('ymodem ingress', () => {
  const bytes = Uint8Array.from({ length: 3000 }, (_, index) => index & 0xff);
  const image = { name: 'golden.bin', bytes, sha256: '' };
  const offered = async (
    how: Misbehaviour | string | undefined,
    more: object = {},
    wire: Record<string, unknown> = {},
  ): Promise<Answer> => {
    let result: Answer | undefined;
    await withBench({ settings: wire }, async ({ device, driver }) => {
      device.answer = () => {
        if (typeof how !== 'object') return how;
        device.say('READY\r\n');
        void new YmodemReceiver(device, how);
        return undefined;
      };
      const settings = {
        start: 'update ymodem',
        ready: '^READY',
        accepted: '^OK verified',
        refused: '^ERR refused (?<reason>\\S+)',
        restarted: 'boot loader',
        blockWithinMs: 300,
        verifyWithinMs: 300,
        ...more,
      };
      result = await adapter('ingress', 'ymodem', settings, driver).offer(image);
    });
    assert.ok(result);
    return result;
  };
  const offer = async (how: Misbehaviour | string | undefined, more: object = {}): Promise<unknown> => {
    const { kind, stage, reason, delivery } = await offered(how, more);
    const { acknowledgedBytes: acknowledged, complete } = delivery ?? {};
    return { kind, stage, reason, acknowledged, complete };
  };
  const whole = { stage: 'verify', acknowledged: 3000, complete: true };
  const part = (acknowledged: number): object => ({ stage: 'transfer', acknowledged, complete: false });

  it('tells acceptance and refusal after the transfer', async () => {
    const verdict = 'update: received 3000 bytes\r\nOK verified 1.3.0+0\r\n';
    assert.deepEqual(await offer({ verdict }), { kind: 'accepted', reason: 'OK verified 1.3.0+0', ...whole });
    const refusal = { kind: 'refused', reason: 'signature', ...whole };
    assert.deepEqual(await offer({ verdict: 'ERR refused signature\r\n' }), refusal);
    const early = { verdict: 'ERR refused signature\r\n', oneFileOnly: true };
    assert.deepEqual(await offer(early), refusal);
  });

  it('counts the time of a verdict from the end of the file, while the receiver is still waited for', async () => {
    const how = { oneFileOnly: true, lateMs: 100, verdict: 'OK verified\r\n' };
    const { kind, elapsedMs } = await offered(how);
    assert.equal(kind, 'accepted');
    assert.ok(elapsedMs >= 99, `${elapsedMs} ms`);
  });

  it('tells refusal during the transfer, with the reason in words', async () => {
    const how = { cancelAt: 2, verdict: '\r\nERR refused size\r\n' };
    assert.deepEqual(await offer(how), { kind: 'refused', reason: 'size', ...part(1024) });
    const inWords = { sayAt: { block: 2, text: 'ERR refused format\r\n' } };
    assert.deepEqual(await offer(inWords, { blockWithinMs: 20_000 }), {
      kind: 'refused',
      reason: 'format',
      ...part(1024),
    });
  });

  it('tells a restart in the middle', async () => {
    const how = { sayAt: { block: 3, text: '\r\nSG-1 boot loader 1.0\r\n' } };
    const crashed = { kind: 'crashed', reason: 'SG-1 boot loader 1.0', ...part(2048) };
    assert.deepEqual(await offer(how, { blockWithinMs: 20_000 }), crashed);
    const after = { kind: 'crashed', reason: 'SG-1 boot loader 1.0', ...whole };
    assert.deepEqual(await offer({ verdict: 'SG-1 boot loader 1.0\r\n' }), after);
  });

  it('tells a restart also where its banner is one of the lines that come unasked', async () => {
    const unasked = { unsolicited: ['^SG-1 '] };
    const middle = { sayAt: { block: 3, text: '\r\nSG-1 boot loader 1.0\r\n' } };
    assert.equal((await offered(middle, { blockWithinMs: 20_000 }, unasked)).kind, 'crashed');
    const after = { verdict: 'SG-1 boot loader 1.0\r\n', verdictAfterMs: 50 };
    assert.equal((await offered(after, { verifyWithinMs: 20_000 }, unasked)).kind, 'crashed');
    const other = { verdict: 'SG-1 firmware 1.0\r\nOK verified\r\n' };
    assert.equal((await offered(other, {}, unasked)).kind, 'accepted');
  });

  it('tells silence at every stage', async () => {
    const kinds = async (how: Misbehaviour | string | undefined): Promise<unknown[]> => {
      const { kind, stage, acknowledged } = (await offer(how)) as {
        kind: string;
        stage: string;
        acknowledged: number;
      };
      return [kind, stage, acknowledged];
    };
    assert.deepEqual(await kinds(undefined), ['silent', 'transfer', 0]);
    assert.deepEqual(await kinds({ silentAt: 2 }), ['silent', 'transfer', 1024]);
    assert.deepEqual(await kinds({}), ['silent', 'verify', 3000]);
    assert.deepEqual(await kinds('what?\r\n'), ['garbage', 'transfer', 0]);
    assert.deepEqual(await kinds('ERR refused busy\r\n'), ['refused', 'transfer', 0]);
  });
});

describe('ymodem transfers without an end', () => {
  const image = {
    name: 'golden.bin',
    bytes: Uint8Array.from({ length: 5000 }, (_, at) => at & 0xff),
    sha256: '',
  };
  const settings = {
    start: 'update ymodem',
    ready: '^READY',
    accepted: '^OK verified',
    refused: '^ERR (refused )?(?<reason>.+)$',
    blockWithinMs: 300,
    verifyWithinMs: 300,
  };
  /** The answer, and what the device says to the next command. */
  const offer = async (how: Misbehaviour | string, transfer: EndlessTransfer): Promise<Answer> => {
    let answer: Answer | undefined;
    await withBench({}, async ({ device, driver }) => {
      device.answer = (line) => {
        if (line === 'status') return 'version=1.2.0\r\n';
        if (line !== settings.start) return 'ERR unknown command\r\n';
        if (typeof how === 'string') return how;
        device.say('READY\r\n');
        void new YmodemReceiver(device, how);
        return undefined;
      };
      const ingress = adapter('ingress', 'ymodem', settings, driver);
      assert.deepEqual(ingress.endless, ['stalls', 'never-ends']);
      answer = await ingress.offerEndlessly!(image, transfer);
      const version = { send: 'status', pattern: '^version=(?<value>\\S+)' };
      assert.equal(await adapter('value', 'console-pattern', version, driver).read(), '1.2.0');
    });
    return answer!;
  };
  const stall: EndlessTransfer = { kind: 'stalls', bytes: 2000, withinMs: 200 };

  it('are ended by the device in its words, and the console works on', async () => {
    const verdict = '\r\nERR refused timeout\r\n';
    for (const by of ['cancel', 'words'] as const) {
      const { kind, reason, stage, delivery } = await offer(
        { endsStall: { afterMs: 50, by, atBytes: 2048 }, verdict },
        stall,
      );
      assert.deepEqual(
        [kind, reason, stage, delivery?.acknowledgedBytes],
        ['refused', 'timeout', 'transfer', 2048],
      );
    }
    const flood = { ...stall, kind: 'never-ends', bytes: 20_000 } as const;
    const size = await offer({ cancelAt: 6, verdict: '\r\nERR refused size\r\n' }, flood);
    assert.deepEqual(
      [size.kind, size.reason, size.delivery?.acknowledgedBytes],
      ['refused', 'size', 5 * 1024],
    );
  });

  it('that the device does not end are silent, and the console works on', async () => {
    assert.equal((await offer({}, stall)).kind, 'silent');
    assert.equal((await offer({}, { ...stall, kind: 'never-ends', bytes: 20_000 })).kind, 'silent');
  });

  it('that the device left without a word are closed, and the probe begins no command', async () => {
    assert.equal((await offer({ endsStall: { afterMs: 50, by: 'nothing' } }, stall)).kind, 'closed');
  });

  it('do not begin on a device that is locked', async () => {
    const { kind, reason, delivery } = await offer('ERR busy locked\r\n', stall);
    assert.deepEqual([kind, reason, delivery?.acknowledgedBytes], ['refused', 'busy locked', 0]);
  });
});
