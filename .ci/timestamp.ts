/**
 * A run that has itself stamped by an authority made with OpenSSL, on loopback, and what OpenSSL says of the tokens:
 * `npm run timestamp-authority`. Needs the openssl program; says so where there is none.
 */

import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readRun } from '../harness/record/read.ts';
import { modelOf } from '../harness/record/run-model.ts';
import { stampFiles, stampsOf, verifyLine } from '../reports/evidence/timestamp/stamps.ts';

const configuration = `
[ req ]
distinguished_name = name
prompt = no
[ name ]
CN = Time-stamping authority of a test
[ root ]
basicConstraints = critical, CA:true
[ stamping ]
extendedKeyUsage = critical, timeStamping
[ tsa ]
default_tsa = authority
[ authority ]
serial = serial
crypto_device = builtin
signer_cert = stamping.crt
certs = root.crt
signer_key = stamping.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1, millisecs:500
ess_cert_id_alg = sha256
`;

function makeAuthority(folder: string): void {
  writeFileSync(join(folder, 'openssl.cnf'), configuration);
  writeFileSync(join(folder, 'serial'), '01\n');
  const openssl = (...words: string[]) => execFileSync('openssl', words, { cwd: folder, stdio: 'pipe' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-config', 'openssl.cnf'];
  openssl('req', '-x509', ...newKey, '-extensions', 'root', '-keyout', 'root.key', '-out', 'root.crt');
  openssl('req', ...newKey, '-keyout', 'stamping.key', '-out', 'stamping.csr');
  const signing = ['-CA', 'root.crt', '-CAkey', 'root.key', '-CAcreateserial', '-extfile', 'openssl.cnf'];
  openssl(
    'x509',
    '-req',
    '-in',
    'stamping.csr',
    ...signing,
    '-extensions',
    'stamping',
    '-out',
    'stamping.crt',
  );
}

async function serve(folder: string): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    const body: Buffer[] = [];
    request.on('data', (bytes: Buffer) => body.push(bytes));
    request.on('end', () => {
      writeFileSync(join(folder, 'query.tsq'), Buffer.concat(body));
      const reply = [
        'ts',
        '-reply',
        '-config',
        'openssl.cnf',
        '-queryfile',
        'query.tsq',
        '-out',
        'reply.tsr',
      ];
      execFileSync('openssl', reply, { cwd: folder, stdio: 'pipe' });
      response.setHeader('content-type', 'application/timestamp-reply');
      response.end(readFileSync(join(folder, 'reply.tsr')));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

/** One case against a simulated device, stamped as it is made. @returns the folder of the run */
async function run(folder: string, authority: string): Promise<string> {
  const out = join(folder, 'out');
  const words = ['run', 'boards/simulated-console.yaml', '--case', 'SIG-02', '--no-report', '--out', out];
  const child = spawn('node', ['dist/harness/cli/main.js', ...words, '--authority', authority], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, FIELDPROOF_BENCH_KEY: join(folder, 'bench-key.pem') },
  });
  const [code] = (await once(child, 'close')) as [number | null];
  assert.equal(code, 0, 'the run');
  const [made] = readdirSync(out).filter((name) => /^\d{8}T/.test(name));
  assert.ok(made);
  return join(out, made);
}

async function main(folder: string): Promise<void> {
  makeAuthority(folder);
  const { server, url } = await serve(folder);
  try {
    const runDir = await run(folder, url);
    const model = modelOf(readRun(runDir).entries);
    for (const stamp of stampsOf(runDir, model)) {
      assert.ok(stamp.state === 'stamped', `${stamp.subject} is ${stamp.state}`);
      assert.equal(stamp.stamped.accuracyMs, 1500);
      assert.equal(stamp.stamped.policy, '1.2.3.4.1');
      assert.ok(Math.abs(Date.parse(stamp.stamped.time) - Date.now()) < 120_000, stamp.stamped.time);
      const line = verifyLine(stamp).replace('AUTHORITY.pem', join(folder, 'root.crt')).split(' ').slice(1);
      const said = execFileSync('openssl', line, { cwd: runDir, stdio: 'pipe' }).toString();
      assert.match(said, /Verification: OK/);
      console.log(`openssl verifies our time-stamp of ${stampFiles(stamp.subject).request}`);
    }
  } finally {
    server.close();
  }
}

if (spawnSync('openssl', ['version']).status !== 0) {
  console.log('time-stamps were NOT CHECKED: there is no openssl program here');
} else {
  const folder = mkdtempSync(join(tmpdir(), 'fieldproof-tsa-'));
  try {
    await main(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
