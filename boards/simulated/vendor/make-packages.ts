/**
 * Makes the committed packages and, where they are missing, the keys and certificates that sign them:
 * `npx tsx boards/simulated/vendor/make-packages.ts`.
 *
 * ECDSA signatures are random, so packages differ from run to run; those that exist are left alone unless `--force` is
 * given.
 */

import { createHash, createPrivateKey } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dataPath } from '../paths.ts';
import { buildImage } from './build-image.ts';
import { buildPackage, type PackageFile, type PackageRecipe } from './build-package.ts';
import { loadPackageAuthority } from './package-authority.ts';

/** Small, so that transfers are quick: five pages of 1 KiB less the header. */
const PAYLOAD_BYTES = 4608;
const BOMB_BYTES = 32 * 1024 * 1024;
const EXPIRED = '2025-01-01T00:00:00Z';

interface Release {
  file: string;
  version?: string;
  sequence: number;
  /** Version and security counter of the MCUboot image inside: the golden one's unless told. */
  firmware?: { version: string; counter: number };
  /** What the manifest calls the firmware, where it lies. */
  calledFirmware?: string;
  parameters?: string;
  expires?: string;
  hardware?: string;
  /** More files, listed and signed. */
  more?: readonly PackageFile[];
  /** Parameters that unpack to a multiple of what the device can hold. */
  bomb?: true;
  /** By both signers. */
  both?: true;
  purpose: string;
}

const GOLDEN = { version: '1.10.0', counter: 5 };
const OLDER = { version: '1.8.0', counter: 4 };

const RELEASES: readonly Release[] = [
  { file: 'golden-1.10.0', version: '1.10.0', sequence: 10, purpose: 'factory content of the device' },
  { file: 'older-1.8.0', version: '1.8.0', sequence: 8, firmware: OLDER, purpose: 'a genuine older release' },
  {
    file: 'newer-1.11.0',
    version: '1.11.0',
    sequence: 11,
    firmware: { version: '1.11.0', counter: 6 },
    purpose: 'a genuine newer release',
  },
  {
    file: 'equal-counter-1.9.9',
    version: '1.9.9',
    sequence: 9,
    purpose: 'lower version and sequence, equal security counter',
  },
  {
    file: 'lower-number-1.9.0',
    version: '1.9.0',
    sequence: 12,
    purpose: 'lower as numbers, higher as text; its sequence is higher',
  },
  {
    file: 'pre-release-1.10.0-rc.1',
    version: '1.10.0-rc.1',
    sequence: 10,
    purpose: 'a pre-release of golden',
  },
  { file: 'no-version', sequence: 12, purpose: 'without a version' },
  {
    file: 'other-hardware-1.11.0',
    version: '1.11.0',
    sequence: 11,
    hardware: 'B',
    purpose: 'for hardware B',
  },
  {
    file: 'expired-1.10.0',
    version: '1.10.0',
    sequence: 10,
    expires: EXPIRED,
    purpose: 'not newer, and expired',
  },
  {
    file: 'newer-expired-1.11.1',
    version: '1.11.1',
    sequence: 11,
    firmware: { version: '1.11.1', counter: 5 },
    expires: EXPIRED,
    purpose: 'newer, and expired',
  },
  {
    file: 'stale-component-1.11.2',
    version: '1.11.2',
    sequence: 11,
    firmware: { version: '1.11.2', counter: 5 },
    parameters: '2',
    purpose: 'newer, with older parameters',
  },
  {
    file: 'older-under-newer-1.12.0',
    version: '1.12.0',
    sequence: 12,
    firmware: { version: '1.9.0', counter: 5 },
    calledFirmware: '1.12.0',
    purpose: 'a newer manifest, which calls it 1.12.0, around firmware 1.9.0',
  },
  {
    file: 'path-traversal-1.10.1',
    version: '1.10.1',
    sequence: 10,
    more: [{ name: '../log.jsonl', device: 'file', data: Buffer.from('{"seq":4000000000}\n') }],
    purpose: 'with a listed and signed file that is to replace the audit log',
  },
  {
    file: 'bomb-1.10.1',
    version: '1.10.1',
    sequence: 10,
    bomb: true,
    purpose: '32 MiB of zeros as parameters, packed',
  },
  { file: 'golden2-1.10.0', version: '1.10.0', sequence: 10, both: true, purpose: 'golden, signed by both' },
  {
    file: 'older2-1.8.0',
    version: '1.8.0',
    sequence: 8,
    firmware: OLDER,
    both: true,
    purpose: 'the older release, signed by both',
  },
  {
    file: 'newer2-1.11.0',
    version: '1.11.0',
    sequence: 11,
    firmware: { version: '1.11.0', counter: 6 },
    both: true,
    purpose: 'the newer release, signed by both',
  },
];

const authority = loadPackageAuthority();
const firmwareKey = createPrivateKey(readFileSync(dataPath('keys', 'public-test-key-ed25519.pem')));

function recipe(release: Release): PackageRecipe {
  const { version, counter } = release.firmware ?? GOLDEN;
  const { release: first, security, intermediate } = authority;
  const parameters = release.parameters ?? '3';
  return {
    ...release,
    version: release.version,
    files: [
      {
        name: 'firmware.bin',
        device: 'firmware',
        version: release.calledFirmware ?? version,
        data: buildImage({ version, counter, key: firmwareKey, payloadBytes: PAYLOAD_BYTES }),
      },
      {
        name: 'parameters.bin',
        device: 'parameters',
        version: parameters,
        data:
          release.bomb === true ? Buffer.alloc(BOMB_BYTES) : Buffer.from(`SG-1 parameters ${parameters}\n`),
        ...(release.bomb === true ? { packed: true } : {}),
      },
      ...(release.more ?? []),
    ],
    signers: release.both === true ? [first, security] : [first],
    intermediates: [intermediate.certificate],
  };
}

function pathOf({ file }: Release): string {
  return dataPath('images', 'packages', `${file}.swu`);
}

function tableRow(release: Release): string {
  const bytes = readFileSync(pathOf(release));
  const { version, counter } = release.firmware ?? GOLDEN;
  const cells = [
    `\`${release.file}.swu\``,
    release.version ?? 'none',
    release.sequence,
    `${version}, ${counter}`,
    release.parameters ?? '3',
    bytes.length,
    `\`${createHash('sha256').update(bytes).digest('hex')}\``,
    release.purpose,
  ];
  return `| ${cells.join(' | ')} |`;
}

for (const release of RELEASES) {
  if (existsSync(pathOf(release)) && !process.argv.includes('--force')) continue;
  writeFileSync(pathOf(release), buildPackage(recipe(release)));
}
writeFileSync(
  dataPath('images', 'packages', 'README.md'),
  [
    '# Packages of the simulated gateway SG-1P',
    '',
    'Made by `boards/simulated/vendor/make-packages.ts` with the public test keys of `boards/simulated/keys`. SWUpdate format; the firmware inside is an MCUboot image signed with the public Ed25519 test key. For hardware C and valid to 2120 unless said otherwise.',
    '',
    '| file | version | sequence | firmware, counter | parameters | bytes | sha256 | purpose |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...RELEASES.map(tableRow),
    '',
  ].join('\n'),
);
