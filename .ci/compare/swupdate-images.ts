/** SWUpdate images by openssl and GNU cpio, for the tools that verify them or their signatures. */

import { createHash, createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { spawnSync } from 'node:child_process';
import type { PublicKey, TestKey } from '../../harness/image/trust.ts';
import { must } from './run-tool.ts';

export interface SwupdateFixture {
  name: string;
  path: string;
  secondPath: string;
  /** PEM of the root, and its key. */
  root: { path: string; keys: readonly PublicKey[] };
  /** PEM of the root and of the authority below it, and their keys. */
  both: { path: string; keys: readonly PublicKey[] };
  testKey: TestKey;
}

const keyArguments = { rsa: ['rsa:2048'], ec: ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'] } as const;
type KeyKind = keyof typeof keyArguments;

/**
 * @param folder empty; everything is made there
 * @param device where the image is to be installed
 */
export function makeSwupdateImages(folder: string, device: (file: string) => string): SwupdateFixture[] {
  return (['rsa', 'ec'] as const).map((kind) => {
    const own = join(folder, kind);
    mkdirSync(own);
    makeCertificates(own, kind);
    const authorities = ['root.pem', 'ca.pem'];
    writeFileSync(
      join(own, 'both.pem'),
      authorities.map((name) => readFileSync(join(own, name), 'utf8')).join(''),
    );
    const keys = authorities.map((name) => trusted(join(own, name)));
    // With RSA the signer's own key is at hand, with EC that of the authority above it.
    const test = kind === 'rsa' ? ['signer', 'ca'] : ['ca'];
    return {
      name: kind === 'rsa' ? 'CMS, RSA-2048' : 'CMS, ECDSA P-256',
      path: makeImage(own, '1.2.0', device),
      secondPath: makeImage(own, '1.1.0', device),
      root: { path: join(own, 'root.pem'), keys: keys.slice(0, 1) },
      both: { path: join(own, 'both.pem'), keys },
      testKey: {
        kind: 'classic',
        key: createPrivateKey(readFileSync(join(own, `${test[0]}.key`))),
        chain: test.map((name) => certificateOf(join(own, `${name}.pem`)).raw),
        name: `${test[0]}.key`,
      },
    };
  });
}

function certificateOf(path: string): X509Certificate {
  return new X509Certificate(readFileSync(path));
}

function trusted(path: string): PublicKey {
  const { publicKey: key, raw: certificate } = certificateOf(path);
  return { kind: 'classic', key, certificate, name: basename(path) };
}

function makeCertificates(cwd: string, kind: KeyKind): void {
  const openssl = (...args: string[]): string => must('openssl', args, { cwd });
  const newKey = [...keyArguments[kind]];
  const [algorithm = '', ...options] = newKey;
  const request = (name: string): string =>
    openssl(
      'req',
      '-newkey',
      algorithm,
      ...options,
      '-nodes',
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
      '-subj',
      `/CN=Test ${name}`,
    );
  openssl(
    ...[
      'req',
      '-x509',
      '-newkey',
      algorithm,
      ...options,
      '-nodes',
      '-keyout',
      'root.key',
      '-out',
      'root.pem',
    ],
    ...['-subj', '/CN=Test root', '-days', '3650', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
  );
  issue('ca', 'root', 'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n');
  issue(
    'signer',
    'ca',
    'basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=emailProtection\n',
  );

  function issue(name: string, by: string, extensions: string): void {
    request(name);
    writeFileSync(join(cwd, `${name}.ext`), extensions);
    openssl(
      ...['x509', '-req', '-in', `${name}.csr`, '-CA', `${by}.pem`, '-CAkey', `${by}.key`, '-CAcreateserial'],
      ...['-days', '3650', '-extfile', `${name}.ext`, '-out', `${name}.pem`],
    );
  }
}

function makeImage(folder: string, version: string, device: (file: string) => string): string {
  const cwd = join(folder, version);
  mkdirSync(cwd);
  const images = ['rootfs.img', 'kernel.img'];
  const groups = images.map((name) => {
    const bytes = randomBytes(name === 'rootfs.img' ? 5000 : 1234);
    writeFileSync(join(cwd, name), bytes);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    return `{ filename = "${name}"; type = "raw"; device = "${device(name)}"; sha256 = "${sha256}"; }`;
  });
  writeFileSync(
    join(cwd, 'sw-description'),
    `software =\n{\n  version = "${version}";\n  hardware-compatibility: [ "1.0" ];\n  images: ( ${groups.join(', ')} );\n}\n`,
  );
  must(
    'openssl',
    [
      ...[
        'cms',
        '-sign',
        '-in',
        'sw-description',
        '-out',
        'sw-description.sig',
        '-outform',
        'DER',
        '-binary',
      ],
      ...['-nosmimecap', '-signer', '../signer.pem', '-inkey', '../signer.key', '-certfile', '../ca.pem'],
    ],
    { cwd },
  );
  const names = ['sw-description', 'sw-description.sig', ...images].map((name) => `${name}\n`).join('');
  const packed = spawnSync('cpio', ['-o', '-H', 'crc', '--quiet'], { cwd, input: names });
  if (packed.status !== 0) throw new Error(`cpio: ${String(packed.stderr)}`);
  const path = join(folder, `${version}.swu`);
  writeFileSync(path, packed.stdout);
  return path;
}
