/**
 * RAUC: bundles by `rauc bundle` and an authority by openssl; asked by `rauc extract`, which checks the signature, reads
 * the payload of verity bundles to its last block, and then unpacks it. What counts is what it leaves in the folder.
 *
 * `rauc info` would not do: it never reads the payload of a verity bundle. What only an installation checks (compatible,
 * the manifest inside a plain bundle, version) is not asked here, and the policy says so.
 */

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readPublicKeys } from '../../../harness/image/crypto/public-key.ts';
import type { Policy } from '../../../harness/image/policy.ts';
import type { TestKey } from '../../../harness/image/trust.ts';
import type { Outcome, RealImage, RealVerifier } from '../real-verifier.ts';
import { must, ran } from '../run-tool.ts';

type Format = 'plain' | 'verity' | 'crypt';
type KeyKind = 'rsa' | 'ec';

export const verifier: RealVerifier = {
  name: 'rauc',
  packages: ['rauc', 'squashfs-tools', 'openssl'],
  version,
  images,
};

function version(): string | undefined {
  try {
    ran('mksquashfs', ['-version']);
    return ran('rauc', ['--version']).text.trim();
  } catch {
    return undefined;
  }
}

function images(folder: string): RealImage[] {
  makeAuthority(folder);
  return [
    image(folder, { format: 'plain', signer: 'rsa', allowed: ['plain'] }),
    image(folder, { format: 'verity', signer: 'rsa', allowed: ['verity', 'crypt'] }),
    // An image large enough for two levels of digests, and a test key that issues certificates.
    image(folder, {
      format: 'verity',
      signer: 'ec',
      allowed: ['plain', 'verity', 'crypt'],
      imageBytes: 700_000,
      test: 'ca',
    }),
    image(folder, { format: 'crypt', signer: 'rsa', allowed: ['crypt'] }),
  ];
}

const extensions = `[dn]
[req]
distinguished_name = dn
[root]
basicConstraints = critical, CA:true, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
[signer]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = codeSigning, emailProtection
`;

function makeAuthority(folder: string): void {
  writeFileSync(join(folder, 'openssl.cnf'), extensions);
  const openssl = (...args: string[]): string => must('openssl', args, { cwd: folder });
  openssl(
    ...`req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 3650`.split(' '),
    '-subj',
    '/O=Fieldproof/CN=Root',
    '-config',
    'openssl.cnf',
    '-extensions',
    'root',
  );
  const kinds: Record<KeyKind, string> = {
    rsa: '-newkey rsa:2048',
    ec: '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1',
  };
  for (const [kind, newKey] of Object.entries(kinds)) {
    for (const name of [`${kind}-release`, `${kind}-test`]) {
      openssl(
        ...`req ${newKey} -nodes -keyout ${name}.key -out ${name}.csr`.split(' '),
        '-subj',
        `/O=Fieldproof/CN=${name}`,
        '-config',
        'openssl.cnf',
      );
      openssl(
        ...`x509 -req -in ${name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out ${name}.crt -days 3650 -extfile openssl.cnf -extensions signer`.split(
          ' ',
        ),
      );
    }
  }
}

interface Wanted {
  format: Format;
  signer: KeyKind;
  /** `bundle-formats` of the system configuration. */
  allowed: Format[];
  imageBytes?: number;
  /** Whose key is the test key; another signer's of the same kind when absent. */
  test?: 'ca';
}

function image(folder: string, wanted: Wanted): RealImage {
  const { format, signer, allowed, imageBytes = 150_000, test = `${signer}-test` } = wanted;
  const name = `${format}, ${signer}, ${imageBytes} bytes, ${allowed.join(' or ')} allowed`;
  const at = join(folder, name.replaceAll(/[^a-z0-9]+/g, '-'));
  mkdirSync(at);
  const config = join(at, 'system.conf');
  writeFileSync(config, systemConf(folder, allowed));
  const path = bundle(folder, at, wanted, '1.2.0', imageBytes);
  const secondPath = bundle(folder, at, wanted, '1.1.0', imageBytes);
  const policy: Policy = {
    bundleFormats: allowed,
    lowerVersion: 'accept',
    hardwareCompatibility: 'unchecked',
    certificateTime: 'checked',
    certificatePurpose: 'checked', // OpenSSL's own for CMS: S/MIME signing
  };
  const keys = readPublicKeys(readFileSync(join(folder, 'ca.crt')), 'ca.crt');
  return {
    name,
    path,
    secondPath,
    keys,
    testKey: testKey(folder, test),
    policy,
    ask: (asked) => ask(config, at, asked),
  };
}

function systemConf(folder: string, allowed: readonly Format[]): string {
  return `[system]
compatible=Fieldproof Gateway
bootloader=noop
statusfile=/dev/null
bundle-formats=${allowed.join(' ')}
[keyring]
path=${join(folder, 'ca.crt')}
[encryption]
key=${join(folder, 'rsa-release.key')}
cert=${join(folder, 'rsa-release.crt')}
`;
}

function bundle(
  folder: string,
  at: string,
  { format, signer }: Wanted,
  release: string,
  bytes: number,
): string {
  const content = join(at, `content-${release}`);
  mkdirSync(content);
  // Bytes that do not compress, so that the hash tree has the levels that are wanted.
  must('openssl', [
    'enc',
    '-aes-128-ctr',
    '-K',
    '00'.repeat(16),
    '-iv',
    Buffer.from(release.padEnd(16)).toString('hex'),
    '-in',
    zeros(at, bytes),
    '-out',
    join(content, 'rootfs.img'),
  ]);
  writeFileSync(
    join(content, 'manifest.raucm'),
    `[update]\ncompatible=Fieldproof Gateway\nversion=${release}\n\n[bundle]\nformat=${format}\n\n[image.rootfs]\nfilename=rootfs.img\n`,
  );
  const file = join(at, `${release}.raucb`);
  const key = [
    '--cert',
    join(folder, `${signer}-release.crt`),
    '--key',
    join(folder, `${signer}-release.key`),
  ];
  must('rauc', ['bundle', ...key, content, file]);
  if (format !== 'crypt') return file;
  const encrypted = join(at, `${release}-encrypted.raucb`);
  must('rauc', [
    'encrypt',
    '--to',
    join(folder, 'rsa-release.crt'),
    '--keyring',
    join(folder, 'ca.crt'),
    file,
    encrypted,
  ]);
  return encrypted;
}

function zeros(at: string, bytes: number): string {
  const path = join(at, 'zeros');
  writeFileSync(path, Buffer.alloc(bytes));
  return path;
}

function testKey(folder: string, name: string): TestKey {
  const key = createPrivateKey(readFileSync(join(folder, `${name}.key`)));
  const { raw } = new X509Certificate(readFileSync(join(folder, `${name}.crt`)));
  return { kind: 'classic', key, chain: [raw], name };
}

/** Accepted is a bundle of which a whole image of one of the releases was unpacked. */
function ask(config: string, at: string, path: string): Outcome {
  const out = join(at, 'out');
  rmSync(out, { recursive: true, force: true });
  const { code, text } = ran('rauc', ['-c', config, 'extract', path, out], { withinMs: 20_000 });
  const unpacked = join(out, 'rootfs.img');
  const left = existsSync(unpacked) ? readFileSync(unpacked) : undefined;
  const genuine = ['1.2.0', '1.1.0'].some((release) =>
    left?.equals(readFileSync(join(at, `content-${release}`, 'rootfs.img'))),
  );
  const log = `exit code ${code}, ${left === undefined ? 'nothing unpacked' : `${left.length} bytes unpacked, ${genuine ? 'genuine' : 'altered'}`}\n${text}`;
  if (code === undefined) return { verdict: 'crashes', log };
  return { verdict: code === 0 && left !== undefined ? 'accepts' : 'refuses', log };
}
