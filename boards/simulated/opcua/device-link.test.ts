import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { DeviceLink, DeviceSilent } from './device-link.ts';
import { type ModuleMessage } from './ipc.ts';

const soon = 5;
const longEnough = 60_000;

describe('DeviceLink', () => {
  it('gives each call the result with its own id, in whatever order they come', async () => {
    const sent: ModuleMessage[] = [];
    const link = new DeviceLink((message) => sent.push(message));
    const first = link.call({ what: 'activate' }, longEnough);
    const second = link.call({ what: 'confirm' }, longEnough);
    assert.deepEqual(sent, [
      { type: 'call', id: 1, what: 'activate' },
      { type: 'call', id: 2, what: 'confirm' },
    ]);
    link.settle({ type: 'result', id: 2, ok: false, reason: 'state' });
    link.settle({ type: 'result', id: 1, ok: true });
    assert.equal((await first).ok, true);
    assert.equal((await second).reason, 'state');
  });

  it('gives up on a silent device, and drops the result that comes too late', async () => {
    const link = new DeviceLink(() => {});
    await assert.rejects(link.call({ what: 'confirm' }, soon), DeviceSilent);
    link.settle({ type: 'result', id: 1, ok: true });
    const next = link.call({ what: 'confirm' }, longEnough);
    link.settle({ type: 'result', id: 2, ok: false });
    assert.equal((await next).ok, false);
  });
});
