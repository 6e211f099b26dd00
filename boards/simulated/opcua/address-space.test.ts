import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import type * as Client from 'node-opcua-client';
import { call, Clients, engineer, ModuleInTest, operator, someState, ua, until, valueOf } from './fixture.ts';
import { type CallMessage } from './ipc.ts';

describe('the OPC UA module: nodes, users, events', () => {
  const clients = new Clients();
  let module: ModuleInTest;
  let reader: Client.ClientSession;
  let writer: Client.ClientSession;

  before(async () => {
    module = await ModuleInTest.start();
    reader = await clients.login(module.url, operator);
    writer = await clients.login(module.url, engineer);
  });

  after(async () => {
    await clients.close();
    await module.stop();
  });

  it('has its namespace at index 2', async () => {
    assert.equal((await reader.readNamespaceArray())[2], 'urn:fieldproof:simulated-gateway');
  });

  const nodes: [name: string, dataType: Client.DataType, value: unknown][] = [
    ['Version', ua.DataType.String, someState.version],
    ['Digest', ua.DataType.String, someState.digest],
    ['SecurityCounter', ua.DataType.UInt32, 5],
    ['Confirmation', ua.DataType.String, 'confirmed'],
    ['ProcessValue', ua.DataType.Double, 2.5],
    ['Setpoint', ua.DataType.Int16, -100],
    ['Effects', ua.DataType.UInt32, 3],
    ['ActiveAlarms', ua.DataType.UInt16, 2],
    ['AlarmSequence', ua.DataType.UInt32, 7],
    ['Scratch', ua.DataType.UInt16, 0],
  ];
  for (const [name, dataType, value] of nodes) {
    it(`shows ${name} to the operator`, async () => {
      const data = await reader.read({ nodeId: `ns=2;s=Gateway.${name}` });
      assert.equal(data.statusCode.name, 'Good');
      assert.equal(data.value.dataType, dataType);
      assert.equal(data.value.value, value);
    });
  }

  it('follows the state of the device', async () => {
    module.show({ processValue: 3.25, version: '1.3.0+0' });
    await until(
      async () => (await valueOf(reader, 'Gateway.ProcessValue')) === 3.25,
      'the new process value',
    );
    assert.equal(await valueOf(reader, 'Gateway.Version'), '1.3.0+0');
    module.show({});
    await until(async () => (await valueOf(reader, 'Gateway.ProcessValue')) === 2.5, 'the old process value');
  });

  it('lets the engineer write where writing is allowed, and nowhere else', async () => {
    const write = (session: Client.ClientSession, name: string, dataType: Client.DataType, value: unknown) =>
      session.write({
        nodeId: `ns=2;s=Gateway.${name}`,
        attributeId: ua.AttributeIds.Value,
        value: { value: { dataType, value } },
      });
    assert.equal((await write(reader, 'Scratch', ua.DataType.UInt16, 4711)).name, 'BadUserAccessDenied');
    assert.equal(await valueOf(reader, 'Gateway.Scratch'), 0);
    assert.equal((await write(writer, 'Scratch', ua.DataType.UInt16, 4711)).name, 'Good');
    assert.equal(await valueOf(reader, 'Gateway.Scratch'), 4711);
    assert.equal((await write(writer, 'Setpoint', ua.DataType.Int16, 1)).name, 'BadNotWritable');
    assert.equal(await valueOf(reader, 'Gateway.Setpoint'), -100);
  });

  it('passes a command of the engineer to the device, and none of the operator', async () => {
    const message = Buffer.from('00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff', 'hex');
    const inputs = [{ dataType: ua.DataType.ByteString, value: message }];
    const commands = (): CallMessage[] =>
      module.messages.filter(
        (sent): sent is CallMessage => sent.type === 'call' && sent.what === 'send-command',
      );
    assert.equal((await call(reader, 'Gateway', 'SendCommand', inputs)).status, 'BadUserAccessDenied');
    assert.equal(commands().length, 0);
    module.answer = () => ({ ok: true, result: 3 });
    assert.deepEqual(await call(writer, 'Gateway', 'SendCommand', inputs), { status: 'Good', outputs: [3] });
    const [command] = commands();
    assert.ok(command?.what === 'send-command');
    assert.equal(command.message, message.toString('base64'));
  });

  it('refuses a wrong password, an unknown user and a nameless one, and logs the first two', async () => {
    const attempts = [
      { userName: 'operator', password: 'engineer-sg1' },
      { userName: 'nobody', password: '' },
    ];
    for (const attempt of attempts) {
      await assert.rejects(
        clients.login(module.url, attempt),
        /BadUserAccessDenied|BadIdentityTokenRejected|BadIdentityTokenInvalid/,
      );
      await module.message(
        (sent) => sent.type === 'log' && sent.event === 'login-refused' && sent.text === attempt.userName,
      );
    }
    const client = await clients.connect(module.url);
    await assert.rejects(client.createSession(), /Anonymous|BadIdentityToken|user token policy/i);
  });

  const combinations = ['Basic256Sha256', 'Aes256_Sha256_RsaPss'].flatMap((policy) =>
    ['Sign', 'SignAndEncrypt'].map((mode) => [policy, mode] as const),
  );
  for (const [policy, mode] of combinations) {
    it(`speaks ${policy} with ${mode}`, async () => {
      const session = await clients.login(module.url, operator, {
        securityPolicy: ua.SecurityPolicy[policy as 'Basic256Sha256'],
        securityMode: ua.MessageSecurityMode[mode as 'Sign'],
      });
      assert.equal(await valueOf(session, 'Gateway.SecurityCounter'), 5);
    });
  }

  it('offers those four endpoints at the public port, for user names only', async () => {
    const client = await clients.connect(module.url, {
      securityMode: ua.MessageSecurityMode.None,
      securityPolicy: ua.SecurityPolicy.None,
    });
    const endpoints = await client.getEndpoints();
    const seen = endpoints.map((endpoint) => [
      endpoint.securityPolicyUri?.split('#')[1],
      ua.MessageSecurityMode[endpoint.securityMode],
    ]);
    assert.deepEqual(seen.sort(), combinations.map((combination) => [...combination]).sort());
    for (const endpoint of endpoints) {
      assert.equal(endpoint.endpointUrl, `opc.tcp://127.0.0.1:${module.publicPort}`);
      assert.deepEqual(
        (endpoint.userIdentityTokens ?? []).map((token) => token.tokenType),
        [ua.UserTokenType.UserName],
      );
    }
  });

  it('gives no session without security', async () => {
    const client = await clients.connect(module.url, {
      securityMode: ua.MessageSecurityMode.None,
      securityPolicy: ua.SecurityPolicy.None,
    });
    // node-opcua's own client would not even ask, since no such endpoint is offered.
    const asking = client as unknown as {
      performMessageTransaction(
        request: unknown,
        done: (error: Error | null, response: unknown) => void,
      ): void;
    };
    const request = new ua.CreateSessionRequest({ endpointUrl: module.url, sessionName: 'unsecured' });
    const answer = await new Promise<string>((resolve) => {
      asking.performMessageTransaction(request, (error, response) =>
        resolve(String(error?.message ?? response)),
      );
    });
    assert.match(answer, /BadSecurityModeRejected/);
  });

  it('serves a client that comes by another port, as through a recording proxy', async () => {
    const session = await clients.login(`opc.tcp://127.0.0.1:${module.listening.port}`, operator);
    assert.equal(await valueOf(session, 'Gateway.Version'), someState.version);
  });

  it('raises an alarm as an event of the Server object', async () => {
    const fields = ['EventType', 'SourceName', 'Message', 'Severity'];
    const events: unknown[][] = [];
    const subscription = await reader.createSubscription2({
      requestedPublishingInterval: 50,
      requestedLifetimeCount: 1000,
      requestedMaxKeepAliveCount: 100,
      publishingEnabled: true,
    });
    const item = await subscription.monitor(
      { nodeId: 'i=2253', attributeId: ua.AttributeIds.EventNotifier },
      { samplingInterval: 0, queueSize: 10, discardOldest: false, filter: ua.constructEventFilter(fields) },
      ua.TimestampsToReturn.Both,
    );
    item.on('changed', (values: Client.Variant[]) =>
      events.push(values.map((value) => value.value as unknown)),
    );
    module.send({
      type: 'alarm',
      sequence: 8,
      object: 'memory',
      text: 'code in memory differs from the verified image',
    });
    const ours = (): unknown[] | undefined => events.find(([type]) => String(type) === 'ns=0;i=2041');
    await until(() => ours() !== undefined, 'the event');
    const [, source, message, severity] = ours() ?? [];
    assert.equal(source, 'memory');
    assert.equal((message as { text: string }).text, 'code in memory differs from the verified image');
    assert.equal(severity, 800);
    await subscription.terminate();
  });

  it('has the browse names of OPC 10000-100', async () => {
    const paths = [
      ['/3:SoftwareUpdate/3:Loading/0:FileTransfer', null],
      [
        '/3:SoftwareUpdate/3:Loading/3:FileTransfer/0:GenerateFileForWrite',
        'Loading.FileTransfer.GenerateFileForWrite',
      ],
      [
        '/3:SoftwareUpdate/3:Loading/3:PendingVersion/3:SoftwareRevision',
        'Loading.PendingVersion.SoftwareRevision',
      ],
      ['/3:SoftwareUpdate/3:Installation/3:InstallSoftwarePackage', 'Installation.InstallSoftwarePackage'],
      ['/3:SoftwareUpdate/3:Confirmation/0:CurrentState/0:Id', 'Confirmation.CurrentState.Id'],
    ] as const;
    for (const [path, id] of paths) {
      const result = await reader.translateBrowsePath(ua.makeBrowsePath('ns=2;s=Gateway', path));
      const target = result.targets?.[0]?.targetId.toString() ?? null;
      assert.equal(target, id === null ? null : `ns=2;s=Gateway.SoftwareUpdate.${id}`, path);
    }
  });

  it('keeps its two channels to itself: nothing is printed', () => {
    assert.equal(module.output, '');
  });
});
