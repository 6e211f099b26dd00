import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, afterEach, before, describe, it } from 'mocha';
import type * as Client from 'node-opcua-client';
import { call, Clients, engineer, ModuleInTest, operator, ua, until, valueOf } from './fixture.ts';
import { type CallMessage } from './ipc.ts';

const loading = 'Gateway.SoftwareUpdate.Loading';
const transfer = `${loading}.FileTransfer`;
const file = `${transfer}.File`;
const installation = 'Gateway.SoftwareUpdate.Installation';
const confirmation = 'Gateway.SoftwareUpdate.Confirmation';

const uint32 = (value: number): Client.VariantOptions => ({ dataType: ua.DataType.UInt32, value });
const string = (value: string): Client.VariantOptions => ({ dataType: ua.DataType.String, value });
const bytes = (value: Buffer): Client.VariantOptions => ({ dataType: ua.DataType.ByteString, value });
const nothing: Client.VariantOptions = { dataType: ua.DataType.Null };
const noPatches: Client.VariantOptions = {
  dataType: ua.DataType.String,
  arrayType: ua.VariantArrayType.Array,
  value: [],
};

describe('the OPC UA module: software update', () => {
  const clients = new Clients();
  let module: ModuleInTest;
  let session: Client.ClientSession;

  before(async () => {
    module = await ModuleInTest.start();
    session = await clients.login(module.url, engineer);
  });

  after(async () => {
    await clients.close();
    await module.stop();
  });

  afterEach(() => {
    module.answer = () => ({ ok: true });
    module.show({});
  });

  async function begin(by = session, options = nothing): Promise<number> {
    const { status, outputs } = await call(by, transfer, 'GenerateFileForWrite', [options]);
    assert.equal(status, 'Good');
    assert.equal(String(outputs[0]), `ns=2;s=${file}`);
    return outputs[1] as number;
  }

  const write = async (handle: number, data: Buffer, by = session): Promise<string> =>
    (await call(by, file, 'Write', [uint32(handle), bytes(data)])).status;
  const commit = (handle: number, by = session) => call(by, transfer, 'CloseAndCommit', [uint32(handle)]);
  const close = async (handle: number, by = session): Promise<string> =>
    (await call(by, file, 'Close', [uint32(handle)])).status;

  function calls<What extends CallMessage['what']>(what: What): Extract<CallMessage, { what: What }>[] {
    return module.messages.filter(
      (sent): sent is Extract<CallMessage, { what: What }> => sent.type === 'call' && sent.what === what,
    );
  }

  it('hands a file to the device, whole and in order', async () => {
    const image = randomBytes(150_000);
    const handle = await begin(session, string('gateway-1.3.0.bin'));
    for (let at = 0; at < image.length; at += 60_000) {
      assert.equal(await write(handle, image.subarray(at, at + 60_000)), 'Good');
    }
    const { status, outputs } = await commit(handle);
    assert.equal(status, 'Good');
    assert.equal(String(outputs[0]), 'ns=0;i=0');
    const offered = calls('firmware').at(-1);
    assert.equal(offered?.name, 'gateway-1.3.0.bin');
    const digest = (data: Buffer): string => createHash('sha256').update(data).digest('hex');
    assert.equal(digest(Buffer.from(offered.bytes, 'base64')), digest(image));
  });

  it('answers CloseAndCommit with Bad_InvalidArgument when the device refuses the file, and says why', async () => {
    module.answer = () => ({ ok: false, reason: 'signature' });
    const handle = await begin();
    assert.equal(await write(handle, Buffer.from('forged')), 'Good');
    assert.equal((await commit(handle)).status, 'BadInvalidArgument');
    const message = (await valueOf(session, `${loading}.ErrorMessage`)) as { text: string };
    assert.equal(message.text, 'refused: signature');
    // The handle is gone with the transaction; the next one works, and clears the message.
    assert.equal((await commit(handle)).status, 'BadInvalidArgument');
    module.answer = () => ({ ok: true });
    assert.equal((await commit(await begin())).status, 'Good');
    assert.equal(
      ((await valueOf(session, `${loading}.ErrorMessage`)) as { text: string | null }).text ?? '',
      '',
    );
  });

  it('refuses a file beyond 1 MiB with Bad_OutOfMemory, and never offers the part that fitted', async () => {
    const before = calls('firmware').length;
    const handle = await begin();
    assert.equal(await write(handle, Buffer.alloc(1024 * 1024 - 10)), 'Good');
    assert.equal(await write(handle, Buffer.alloc(10)), 'Good');
    assert.equal(await write(handle, Buffer.alloc(1)), 'BadOutOfMemory');
    assert.equal((await commit(handle)).status, 'BadOutOfMemory');
    assert.equal(calls('firmware').length, before);
    await module.message(
      (sent) => sent.type === 'log' && sent.event === 'update-refused' && sent.text === 'size',
    );
  });

  it('lets one session write at a time, and only with its own handle', async () => {
    const other = await clients.login(module.url, engineer);
    const handle = await begin();
    assert.equal(
      (await call(other, transfer, 'GenerateFileForWrite', [nothing])).status,
      'BadResourceUnavailable',
    );
    assert.equal(await write(handle, Buffer.from('x'), other), 'BadInvalidArgument');
    assert.equal(await write(handle + 1, Buffer.from('x')), 'BadInvalidArgument');
    assert.equal((await commit(handle, other)).status, 'BadInvalidArgument');
    assert.equal(await close(handle), 'Good');
    assert.equal(await write(handle, Buffer.from('x')), 'BadInvalidArgument');
    // The end of a session ends its transfer.
    await begin(other);
    await other.close();
    let next: unknown;
    await until(async () => {
      const { status, outputs } = await call(session, transfer, 'GenerateFileForWrite', [nothing]);
      next = outputs[1];
      return status === 'Good';
    }, 'the file of the closed session to be dropped');
    assert.equal(await close(next as number), 'Good');
  });

  it('takes the options of OPC 10000-100 and no others', async () => {
    const generate = (value: Client.VariantOptions) =>
      call(session, transfer, 'GenerateFileForWrite', [value]);
    const int32 = (value: number): Client.VariantOptions => ({ dataType: ua.DataType.Int32, value });
    assert.equal((await generate(int32(0))).status, 'BadInvalidArgument');
    assert.equal((await generate(string('n'.repeat(129)))).status, 'BadInvalidArgument');
    const { status, outputs } = await generate(int32(1));
    assert.equal(status, 'Good');
    assert.equal(await close(outputs[1] as number), 'Good');
    assert.equal((await call(session, transfer, 'GenerateFileForRead', [nothing])).status, 'BadNotSupported');
  });

  it('keeps the operator from all of it', async () => {
    const reader = await clients.login(module.url, operator);
    assert.equal(
      (await call(reader, transfer, 'GenerateFileForWrite', [nothing])).status,
      'BadUserAccessDenied',
    );
    assert.equal((await call(reader, confirmation, 'Confirm')).status, 'BadUserAccessDenied');
    const install = [string(''), string(''), noPatches, bytes(Buffer.alloc(0))];
    assert.equal(
      (await call(reader, installation, 'InstallSoftwarePackage', install)).status,
      'BadUserAccessDenied',
    );
  });

  it('shows the pending version, installs it when it is named rightly, and discards it', async () => {
    const named = (revision: string) => [
      string('urn:fieldproof:reference-devices'),
      string(revision),
      noPatches,
    ];
    const install = (revision: string) =>
      call(session, installation, 'InstallSoftwarePackage', [...named(revision), bytes(Buffer.alloc(0))]);
    assert.equal(await valueOf(session, `${loading}.CurrentVersion.SoftwareRevision`), '1.2.0+0');
    assert.equal((await install('1.3.0+0')).status, 'BadInvalidState');
    module.show({ pendingVersion: '1.3.0+0' });
    await until(
      async () => (await valueOf(session, `${loading}.PendingVersion.SoftwareRevision`)) === '1.3.0+0',
      'the pending version',
    );
    assert.deepEqual(await call(session, loading, 'GetUpdateBehavior', named('1.3.0+0')), {
      status: 'Good',
      outputs: [11],
    });
    assert.equal((await call(session, loading, 'GetUpdateBehavior', named('9.9.9+0'))).status, 'BadNotFound');
    assert.equal((await install('9.9.9+0')).status, 'BadNotFound');
    assert.equal(calls('activate').length, 0);
    assert.equal(String(await valueOf(session, `${installation}.CurrentState.Id`)), 'ns=3;i=271');
    assert.equal((await install('1.3.0+0')).status, 'Good');
    assert.equal(calls('activate').length, 1);
    assert.equal(String(await valueOf(session, `${installation}.CurrentState.Id`)), 'ns=3;i=273');
    assert.equal((await call(session, `${loading}.PendingVersion`, 'Clear')).status, 'Good');
    assert.equal(calls('discard').length, 1);
  });

  it('goes back to Idle when the device does not activate', async () => {
    module.show({ pendingVersion: '1.3.0+0' });
    await until(
      async () => (await valueOf(session, `${loading}.PendingVersion.SoftwareRevision`)) === '1.3.0+0',
      'the pending version',
    );
    module.answer = () => ({ ok: false, reason: 'busy' });
    const install = [string(''), string(''), noPatches, bytes(Buffer.alloc(0))];
    assert.equal(
      (await call(session, installation, 'InstallSoftwarePackage', install)).status,
      'BadInvalidState',
    );
    assert.equal(String(await valueOf(session, `${installation}.CurrentState.Id`)), 'ns=3;i=271');
  });

  it('confirms a trial, and only a trial', async () => {
    const state = async (): Promise<string> =>
      String(await valueOf(session, `${confirmation}.CurrentState.Id`));
    await until(async () => (await state()) === 'ns=3;i=323', 'NotWaitingForConfirm');
    assert.equal((await call(session, confirmation, 'Confirm')).status, 'BadInvalidState');
    assert.equal(calls('confirm').length, 0);
    module.show({ confirmation: 'trial' });
    await until(async () => (await state()) === 'ns=3;i=325', 'WaitingForConfirm');
    assert.equal((await call(session, confirmation, 'Confirm')).status, 'Good');
    assert.equal(calls('confirm').length, 1);
    assert.equal(await valueOf(session, `${confirmation}.ConfirmationTimeout`), 15_000);
  });

  it('does not show the temporary file to a browser', async () => {
    const found = await session.browse(`ns=2;s=${transfer}`);
    const names = (found.references ?? []).map((reference) => reference.browseName.name);
    assert.ok(names.includes('CloseAndCommit'));
    assert.ok(!names.includes('File'));
  });
});

describe('the OPC UA module: a client that falls silent', () => {
  const generate = (session: Client.ClientSession) =>
    call(session, transfer, 'GenerateFileForWrite', [nothing]);

  async function withModule(defects: string[], work: (module: ModuleInTest) => Promise<void>): Promise<void> {
    const module = await ModuleInTest.start({ stalledAfterMs: 500, defects });
    try {
      await work(module);
    } finally {
      await module.stop();
    }
  }

  it('loses its file after the ClientProcessingTimeout, which is logged; the next client may begin', async () => {
    const clients = new Clients();
    await withModule([], async (module) => {
      const session = await clients.login(module.url, engineer);
      assert.equal(await valueOf(session, `${transfer}.ClientProcessingTimeout`), 500);
      assert.equal((await generate(session)).status, 'Good');
      await module.message(
        (sent) => sent.type === 'log' && sent.event === 'transfer-ended' && /after 0 bytes$/.test(sent.text),
      );
      assert.equal((await generate(session)).status, 'Good');
      await clients.close();
    });
  });

  it('defect waits-for-ever: keeps it, and keeps the others out', async () => {
    const clients = new Clients();
    await withModule(['waits-for-ever'], async (module) => {
      const session = await clients.login(module.url, engineer);
      assert.equal((await generate(session)).status, 'Good');
      const since = Date.now();
      await until(() => Date.now() > since + 1000, 'twice the time limit');
      assert.equal((await generate(session)).status, 'BadResourceUnavailable');
      await clients.close();
    });
  });
});
