/**
 * Makes the committed images and, where they are missing, the test keys: `npx tsx boards/simulated/vendor/make-images.ts`.
 *
 * Signatures are deterministic: the same keys give the same images, byte for byte.
 */

import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { type KeyObject } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dataPath } from '../paths.ts';
import { buildImage, HARDWARE_B, HARDWARE_C, type ImageRecipe } from './build-image.ts';

type KeyName = 'p256' | 'ed25519';

interface ListedImage extends Omit<ImageRecipe, 'key'> {
  file: string;
  key: KeyName;
  purpose: string;
}

const IMAGES: readonly ListedImage[] = [
  image('golden-1.2.0.bin', '1.2.0', 5, 'p256', 'factory content of the primary slot'),
  image('pair-1.2.1.bin', '1.2.1', 5, 'ed25519', 'alternates with the golden image, by the other key'),
  image('older-1.1.0.bin', '1.1.0', 4, 'p256', 'a genuine older release'),
  image('newer-1.3.0.bin', '1.3.0', 6, 'p256', 'a genuine newer release'),
  image('lower-counter-1.9.0.bin', '1.9.0', 4, 'p256', 'higher version text, lower counter'),
  image('no-counter-1.4.0.bin', '1.4.0', undefined, 'p256', 'no security counter at all'),
  {
    ...image('other-hardware-1.3.0.bin', '1.3.0', 6, 'p256', 'genuine, but for hardware B'),
    hardware: HARDWARE_B,
  },
  {
    ...image('crashing-1.3.1.bin', '1.3.1', 6, 'p256', 'genuine, crashes soon after it starts'),
    behaviour: 'crash',
  },
  image('highest-counter-1.3.2.bin', '1.3.2', 0xffffffff, 'p256', 'counter beyond what the device can hold'),
  image('equal-counter-1.1.5.bin', '1.1.5', 5, 'p256', 'lower version text, the counter of the golden image'),
  {
    ...image('hanging-1.3.3.bin', '1.3.3', 6, 'p256', 'genuine, hangs as soon as it runs'),
    behaviour: 'hang',
  },
];

function image(
  file: string,
  version: string,
  counter: number | undefined,
  key: KeyName,
  purpose: string,
): ListedImage {
  return { file, version, counter, key, purpose };
}

function keyPath(name: KeyName, part: 'pem' | 'pub.pem'): string {
  return dataPath('keys', `public-test-key-${name}.${part}`);
}

function loadOrMakeKey(name: KeyName): KeyObject {
  const path = keyPath(name, 'pem');
  if (!existsSync(path)) {
    const pair =
      name === 'p256' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519');
    writeFileSync(path, pair.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  }
  const key = createPrivateKey(readFileSync(path));
  writeFileSync(keyPath(name, 'pub.pem'), createPublicKey(key).export({ type: 'spki', format: 'pem' }));
  return key;
}

function tableRow(entry: ListedImage): string {
  const digest = createHash('sha256')
    .update(readFileSync(dataPath('images', entry.file)))
    .digest('hex');
  const cells = [`\`${entry.file}\``, entry.version, String(entry.counter ?? 'none'), entry.key];
  return `| ${[...cells, (entry.hardware ?? HARDWARE_C) === HARDWARE_C ? 'C' : 'B', `\`${digest}\``, entry.purpose].join(' | ')} |`;
}

const keys = { p256: loadOrMakeKey('p256'), ed25519: loadOrMakeKey('ed25519') };
const commandKey = dataPath('keys', 'commands.key');
if (!existsSync(commandKey)) writeFileSync(commandKey, randomBytes(32));
for (const entry of IMAGES) {
  writeFileSync(join(dataPath('images'), entry.file), buildImage({ ...entry, key: keys[entry.key] }));
}
writeFileSync(
  dataPath('images', 'README.md'),
  [
    '# Images of the simulated gateway',
    '',
    'Made by `boards/simulated/vendor/make-images.ts` with the public test keys of `boards/simulated/keys`. MCUboot format; the payload is deterministic pseudo-code. The SHA-256 is that of the whole file, which is also the digest that the device reports when it runs the image.',
    '',
    '| file | version | counter | key | hardware | sha256 | purpose |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...IMAGES.map(tableRow),
    '',
  ].join('\n'),
);
