/**
 * U-Boot's fit_check_sign: verifies a configuration and loads its images as bootm does, on the host.
 *
 * Debian's u-boot-tools holds mkimage, and not fit_check_sign, which its source builds: see ../fit-check-sign.sh.
 * The exit code alone is no oracle: an image that cannot be found counts as none, and the code is 0. What counts is
 * that the kernel was loaded.
 */

import { createPrivateKey, createPublicKey } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Policy } from '../../../harness/image/policy.ts';
import type { Outcome, RealImage, RealVerifier } from '../real-verifier.ts';
import { must, ran } from '../run-tool.ts';

interface Made {
  name: string;
  bits: number;
  /** `sha256,rsa2048` */
  algorithm: string;
  padding?: 'pss';
  hashes: readonly string[];
  /** Options of mkimage. */
  options: readonly string[];
  signs: 'configuration' | 'image';
  boards: readonly string[];
}

const common = { signs: 'configuration', boards: ['1'], options: [], hashes: ['sha256'] } as const;
const made: readonly Made[] = [
  {
    ...common,
    name: 'RSA-2048, embedded',
    bits: 2048,
    algorithm: 'sha256,rsa2048',
    hashes: ['sha256', 'crc32'],
  },
  {
    ...common,
    name: 'RSA-2048 PSS, external by offset',
    bits: 2048,
    algorithm: 'sha256,rsa2048',
    padding: 'pss',
    options: ['-E'],
  },
  {
    ...common,
    name: 'RSA-3072, external by position',
    bits: 3072,
    algorithm: 'sha384,rsa3072',
    hashes: ['sha384'],
    options: ['-E', '-p', '4000'],
  },
  {
    ...common,
    name: 'RSA-4096, two boards',
    bits: 4096,
    algorithm: 'sha512,rsa4096',
    hashes: ['sha1', 'sha512'],
    boards: ['1', '2'],
  },
  {
    ...common,
    name: 'images signed one by one',
    bits: 2048,
    algorithm: 'sha256,rsa2048',
    options: ['-E'],
    signs: 'image',
  },
];

export const verifier: RealVerifier = {
  name: 'fit_check_sign',
  packages: [
    'u-boot-tools',
    'device-tree-compiler',
    // What builds fit_check_sign from source, see ../fit-check-sign.sh.
    ...['gcc', 'make', 'patch', 'bison', 'flex', 'libc6-dev', 'libssl-dev', 'libgnutls28-dev', 'uuid-dev'],
  ],
  built: true,
  version() {
    try {
      ran('fit_check_sign', []);
      ran('dtc', ['--version']);
      return ran('mkimage', ['-V']).text.trim();
    } catch {
      return undefined;
    }
  },
  images: (folder) => made.map((what, index) => makeImage(join(folder, String(index)), what)),
};

function makeImage(folder: string, what: Made): RealImage {
  mkdirSync(folder);
  const keyFile = join(folder, 'dev.key');
  must('openssl', ['genrsa', '-out', keyFile, String(what.bits)]);
  must('openssl', ['req', '-batch', '-new', '-x509', '-key', keyFile, '-out', join(folder, 'dev.crt')]);
  writeFileSync(join(folder, 'control.dts'), '/dts-v1/; / { };');
  must('dtc', ['-q', '-I', 'dts', '-O', 'dtb', '-p', '4096', '-o', 'control.dtb', 'control.dts'], {
    cwd: folder,
  });
  copyFileSync(join(folder, 'control.dtb'), join(folder, 'board.dtb'));
  const path = mkimage(folder, what, 'golden', 'kernel of the release. ');
  const secondPath = mkimage(folder, what, 'older', 'kernel of an older release, with a hole. ');
  const key = createPrivateKey(readFileSync(keyFile));
  const policy: Policy = { requiredSignature: what.signs, bootsConfiguration: 'default' };
  return {
    name: what.name,
    path,
    secondPath,
    keys: [{ kind: 'classic', key: createPublicKey(key), name: 'dev' }],
    testKey: { kind: 'classic', key, chain: [], name: 'dev' },
    policy,
    ask: (attack) => ask(attack, join(folder, 'control.dtb')),
  };
}

function mkimage(folder: string, what: Made, name: string, kernel: string): string {
  writeFileSync(join(folder, `${name}.kernel`), kernel.repeat(100));
  writeFileSync(join(folder, `${name}.its`), source(what, name));
  const path = join(folder, `${name}.itb`);
  const compiler = ['-D', '-I dts -O dtb -p 2000 -q'];
  const keys = ['-k', folder, '-K', join(folder, 'control.dtb'), '-r'];
  must('mkimage', [...compiler, ...what.options, '-f', `${name}.its`, ...keys, path], {
    cwd: folder,
    env: { SOURCE_DATE_EPOCH: '1700000000' },
  });
  return path;
}

function source({ hashes, signs, boards, algorithm, padding }: Made, name: string): string {
  const signature = `signature-1 { algo = "${algorithm}"; key-name-hint = "dev";${
    padding === undefined ? '' : ` padding = "${padding}";`
  } };`;
  const hashNodes = hashes.map((hash, index) => `hash-${index + 1} { algo = "${hash}"; };`).join(' ');
  const inImage = signs === 'image' ? `${hashNodes} ${signature}` : hashNodes;
  const configurations = boards.map(
    (board) =>
      `conf-${board} { kernel = "kernel-1"; fdt = "fdt-1"; compatible = "acme,board-${board}"; ${
        signs === 'image' ? '' : signature
      } };`,
  );
  return `/dts-v1/;
/ { description = "${name}"; #address-cells = <1>;
  images {
    kernel-1 { description = "kernel"; data = /incbin/("${name}.kernel"); type = "kernel"; arch = "arm"; os = "linux";
      compression = "none"; load = <0x80008000>; entry = <0x80008000>; ${inImage} };
    fdt-1 { description = "tree"; data = /incbin/("board.dtb"); type = "flat_dt"; arch = "arm";
      compression = "none"; ${inImage} };
  };
  configurations { default = "conf-1"; ${configurations.join(' ')} };
};`;
}

function ask(path: string, control: string): Outcome {
  const { code, text } = ran('fit_check_sign', ['-f', path, '-k', control], { withinMs: 10_000 });
  if (code === undefined) return { verdict: 'crashes', log: text };
  const loaded = text.includes('Signature check OK') && text.includes('Loading Kernel Image');
  return { verdict: code === 0 && loaded ? 'accepts' : 'refuses', log: text };
}
