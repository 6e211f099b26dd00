import assert from 'node:assert/strict';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'mocha';
import { DeviceException, DriverError, explain, type BenchError } from '../../harness/errors.ts';
import { loadOpcUa } from './library.ts';
import { pkiPaths, selfSigned, thumbprints } from './pki.ts';
import { bench, stateFolder, type Bench, type SettingsInput } from './test/bench.ts';
import { operator, startFakeServer, type FakeServer } from './test/fake-server.ts';

const version = 'nsu=urn:fieldproof:opcua-driver-test;s=Device.Version';

describe('opcua security', () => {
  let server: FakeServer;
  let shared: { stateDir: string; remove: () => Promise<void> };
  let made: Bench | undefined;
  before(async () => {
    server = await startFakeServer();
    shared = await stateFolder();
    await makeUser('trusted');
    await makeUser('stranger');
    await server.trustUser(
      Buffer.from(pemBody(await readFile(join(shared.stateDir, 'trusted.pem'), 'utf8')), 'base64'),
    );
  });
  after(async () => {
    await server.stop();
    await shared.remove();
  });
  afterEach(async () => {
    server.strict(false);
    await made?.dispose();
    made = undefined;
  });

  async function makeUser(name: string): Promise<void> {
    const made = await selfSigned(loadOpcUa(), { subject: `/CN=${name}`, purpose: 'user', validityDays: 30 });
    await writeFile(join(shared.stateDir, `${name}.pem`), made.certificatePem);
    await writeFile(join(shared.stateDir, `${name}.key`), made.keyPem);
  }

  const pemBody = (pem: string): string => pem.replace(/-----[^-]+-----|\s/g, '');

  async function reads(settings: SettingsInput, stateDir = shared.stateDir): Promise<unknown> {
    made = await bench({ port: server.port, ...settings }, { stateDir, boardDir: shared.stateDir });
    await made.driver.open();
    return made.driver.nodes.read(version);
  }

  async function rejects(settings: SettingsInput, stateDir?: string): Promise<BenchError> {
    try {
      await reads(settings, stateDir);
    } catch (error) {
      return error as BenchError;
    }
    throw new Error('the server let it pass');
  }

  const secured = (['Sign', 'SignAndEncrypt'] as const).flatMap((securityMode) =>
    (['Basic256Sha256', 'Aes128_Sha256_RsaOaep', 'Aes256_Sha256_RsaPss'] as const).map((securityPolicy) => ({
      securityMode,
      securityPolicy,
    })),
  );
  const channels: SettingsInput[] = [{ securityMode: 'None' }, ...secured];
  const users: SettingsInput['user'][] = [
    { kind: 'anonymous' },
    { kind: 'name', ...operator },
    { kind: 'certificate', certificateFile: 'trusted.pem', keyFile: 'trusted.key' },
  ];

  for (const channel of channels) {
    for (const user of users) {
      const title = `${channel.securityMode} ${channel.securityPolicy ?? ''} as ${user?.kind ?? ''}`;
      it(`reads with ${title}`, async () => {
        assert.equal(await reads({ ...channel, user }), '1.2.0');
      });
    }
  }

  for (const channel of [{ securityMode: 'None' }, secured[3]] as SettingsInput[]) {
    it(`names a wrong password over ${channel.securityMode}, and does not repeat it`, async () => {
      const error = await rejects({
        ...channel,
        user: { kind: 'name', name: 'operator', password: 'wr0ng-pass' },
      });
      assert.ok(error instanceof DeviceException, explain(error));
      assert.match(String(error.data['status']), /^Bad(UserAccessDenied|IdentityTokenRejected)$/);
      assert.match(explain(error), /Check user name and password/);
      assert.doesNotMatch(explain(error), /wr0ng-pass/);
      assert.doesNotMatch(made?.log.join('\n') ?? '', /wr0ng-pass/);
    });
  }

  it('names a user certificate that the server does not trust', async () => {
    const user = { kind: 'certificate', certificateFile: 'stranger.pem', keyFile: 'stranger.key' } as const;
    const error = await rejects({ securityMode: 'SignAndEncrypt', user });
    assert.ok(error instanceof DeviceException, explain(error));
    assert.match(String(error.data['status']), /^BadIdentityToken(Rejected|Invalid)$/);
  });

  it('refuses a user key that does not belong to the certificate, before any connection', async () => {
    const user = { kind: 'certificate', certificateFile: 'trusted.pem', keyFile: 'stranger.key' } as const;
    assert.equal((await rejects({ user })).code, 'key-mismatch');
    const missing = { kind: 'certificate', certificateFile: 'trusted.pem', keyFile: 'none.key' } as const;
    assert.equal((await rejects({ user: missing })).code, 'bad-certificate');
  });

  it('says where our certificate lies when the server does not trust it', async () => {
    const fresh = await stateFolder();
    server.strict(true);
    const error = await rejects({ securityMode: 'SignAndEncrypt' }, fresh.stateDir);
    await fresh.remove();
    assert.ok(error instanceof DeviceException, explain(error));
    assert.match(String(error.data['status']), /^Bad(CertificateUntrusted|SecurityChecksFailed)$/);
    assert.match(explain(error), /pki\/own\/certs\/client\.pem/);
  });

  it('says what the server offers when it does not offer what is asked', async () => {
    made = await bench({ port: server.port, securityMode: 'Sign' });
    // The fake offers every policy of the settings, so the question is put with one that no server offers.
    const { ua } = loadOpcUa();
    const real = ua.SecurityPolicy.Basic256Sha256;
    Object.assign(ua.SecurityPolicy, { Basic256Sha256: 'urn:none-such' });
    try {
      await made.driver.open();
      await assert.rejects(made.driver.nodes.read(version), (error: BenchError) => {
        assert.ok(error instanceof DriverError, explain(error));
        assert.equal(error.code, 'not-offered');
        return /It offers .*SignAndEncrypt\/Aes256_Sha256_RsaPss/.test(explain(error));
      });
    } finally {
      Object.assign(ua.SecurityPolicy, { Basic256Sha256: real });
    }
  });

  describe('trust', () => {
    it('remembers the certificate of the first use, and refuses another one', async () => {
      const paths = pkiPaths(shared.stateDir);
      await rm(paths.serverFile, { force: true });
      await reads({ securityMode: 'Sign' });
      assert.match(made?.log.join('\n') ?? '', /accepted at first use/);
      await made?.dispose();
      await reads({ securityMode: 'Sign' });
      assert.doesNotMatch(made?.log.join('\n') ?? '', /accepted at first use/);
      await made?.dispose();
      const other = Buffer.from(
        pemBody(await readFile(join(shared.stateDir, 'stranger.pem'), 'utf8')),
        'base64',
      );
      await writeFile(paths.serverFile, other);
      const error = await rejects({ securityMode: 'Sign' });
      await rm(paths.serverFile);
      assert.equal(error.code, 'server-certificate-changed');
      assert.match(explain(error), new RegExp(thumbprints(other).sha1));
      assert.match(explain(error), /server\.der/);
    });

    it('takes a pinned file or thumbprint, and refuses any other certificate', async () => {
      const paths = pkiPaths(shared.stateDir);
      await reads({ securityMode: 'Sign' });
      await made?.dispose();
      const { sha1, sha256 } = thumbprints(await readFile(paths.serverFile));
      for (const serverCertificate of [sha1, sha256.toUpperCase(), paths.serverFile]) {
        assert.equal(
          await reads({ securityMode: 'SignAndEncrypt', trust: 'pinned', serverCertificate }),
          '1.2.0',
        );
        await made?.dispose();
      }
      const error = await rejects({
        securityMode: 'Sign',
        trust: 'pinned',
        serverCertificate: sha1.replaceAll(/./g, '0'),
      });
      assert.equal(error.code, 'server-certificate-changed');
      await made?.dispose();
      // A server that is spoken to with the certificate of another says anything but that.
      const file = { trust: 'pinned', serverCertificate: 'stranger.pem' } as const;
      assert.equal((await rejects({ securityMode: 'Sign', ...file })).code, 'server-certificate-changed');
    });

    it('keeps the key for the owner only, makes it once, and notices another application URI', async () => {
      await reads({ securityMode: 'Sign' });
      await made?.dispose();
      const paths = pkiPaths(shared.stateDir);
      assert.equal((await stat(paths.privateKeyFile)).mode & 0o777, 0o600);
      assert.equal((await stat(paths.root)).mode & 0o777, 0o700);
      const before = await readFile(paths.certificateFile, 'utf8');
      await reads({ securityMode: 'Sign' });
      await made?.dispose();
      assert.equal(await readFile(paths.certificateFile, 'utf8'), before);
      const error = await rejects({ securityMode: 'Sign', applicationUri: 'urn:another' });
      assert.equal(error.code, 'other-application-uri');
    });
  });
});
