/**
 * Makes signed FIT images for tests, written from the format's description alone: it shares no code with the parser and
 * the verifier that it tests.
 */

import { constants, createHash, createSign, sign, type KeyObject } from 'node:crypto';
import { Names, node, text, u32, writeStructure, writeTree, type TreeNode } from './tree-writer.ts';

export type Where = 'embedded' | 'offset' | 'position';

export interface BuildOptions {
  key: KeyObject;
  /** `sha256,rsa2048` */
  algorithm?: string;
  padding?: 'pss';
  where?: Where;
  signs?: 'configuration' | 'image';
  /** Of every image; sha256 by default. */
  hashes?: readonly string[];
  kernel?: Uint8Array;
  deviceTree?: Uint8Array;
  description?: string;
  compatible?: string;
  /** A second signed configuration, for another board. */
  secondConfiguration?: boolean;
  /** Images that the signature covers, by role; all by default. */
  signImages?: readonly string[];
  keyHint?: string;
  freeBytes?: number;
}

const kernelData = Buffer.from('kernel of the test image, long enough to be halved and flipped '.repeat(9));
const treeData = Buffer.from('device tree of the test image, not a real one '.repeat(4));

export function buildFit(options: BuildOptions): Buffer {
  const images = [
    subImage('kernel-1', options.kernel ?? kernelData, options, [
      ['type', text('kernel')],
      ['arch', text('arm')],
      ['os', text('linux')],
      ['compression', text('none')],
      ['load', u32(0x8000_8000)],
      ['entry', u32(0x8000_8000)],
    ]),
    subImage('fdt-1', options.deviceTree ?? treeData, options, [
      ['type', text('flat_dt')],
      ['arch', text('arm')],
      ['compression', text('none')],
    ]),
  ];
  const boards = options.secondConfiguration === true ? ['1', '2'] : ['1'];
  const configurations = boards.map((board) => configuration(`conf-${board}`, board, options));
  const root = node(
    '',
    [
      ['timestamp', u32(1_700_000_000)],
      ['description', text(options.description ?? 'test image')],
      ['#address-cells', u32(1)],
    ],
    [node('images', [], images), node('configurations', [['default', text('conf-1')]], configurations)],
  );
  const names = new Names();
  if (options.signs === 'image') for (const image of images) signImage(image, options);
  else signConfigurations(root, images, configurations, names, options);
  return layOut(root, images, names, options);
}

function subImage(name: string, data: Uint8Array, options: BuildOptions, props: TreeNode['props']): TreeNode {
  const hashes = (options.hashes ?? ['sha256']).map((algorithm, index) =>
    node(`hash-${index + 1}`, [
      ['value', hashOf(algorithm, data)],
      ['algo', text(algorithm)],
    ]),
  );
  return node(name, [['description', text(`${name} of the test`)], ['data', data], ...props], hashes);
}

/** CRC-32 of IEEE 802.3, bit by bit; the others by node:crypto. */
function hashOf(algorithm: string, data: Uint8Array): Buffer {
  if (algorithm !== 'crc32') return createHash(algorithm).update(data).digest();
  let crc = 0xffff_ffff;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0xedb8_8320 : crc >>> 1;
  }
  return u32((crc ^ 0xffff_ffff) >>> 0);
}

function configuration(name: string, board: string, options: BuildOptions): TreeNode {
  const compatible = options.compatible ?? 'acme,gateway';
  return node(name, [
    ['description', text(`board ${board}`)],
    ['kernel', text('kernel-1')],
    ['fdt', text('fdt-1')],
    ['compatible', text(board === '1' ? compatible : `${compatible}-${board}`)],
  ]);
}

function signatureNode({ algorithm = 'sha256,rsa2048', padding, keyHint = 'dev' }: BuildOptions): TreeNode {
  return node('signature-1', [
    ['algo', text(algorithm)],
    ['key-name-hint', text(keyHint)],
    ...(padding === undefined ? [] : [['padding', text(padding)] as [string, Buffer]]),
  ]);
}

/** Every configuration over what it names; the names that only signatures use come last, and are not covered. */
function signConfigurations(
  root: TreeNode,
  images: readonly TreeNode[],
  configurations: readonly TreeNode[],
  names: Names,
  options: BuildOptions,
): void {
  for (const configuration of configurations) configuration.children.push(signatureNode(options));
  const covered = images.filter(({ name }) => options.signImages?.includes(name.replace(/-1$/, '')) ?? true);
  const values = configurations.map((configuration) => {
    const chosen = [root, configuration, ...covered.flatMap((image) => [image, ...image.children])];
    const { signed } = writeStructure(root, names, new Set(chosen));
    return { signed, nodes: nodeList(configuration, covered) };
  });
  const nameBytes = names.bytes;
  configurations.forEach((configuration, index) => {
    const { signed, nodes } = values[index] as (typeof values)[number];
    configuration.children[0]?.props.push(
      ['timestamp', u32(1_700_000_001)],
      ['signer-name', text('test')],
      ['value', signBytes(Buffer.concat([signed, nameBytes]), options)],
      ['hashed-nodes', text(...nodes)],
      ['hashed-strings', u32(0, nameBytes.length)],
    );
  });
}

function nodeList(configuration: TreeNode, images: readonly TreeNode[]): string[] {
  const ofImages = images.flatMap(({ name, children }) => [
    `/images/${name}`,
    ...children.map((hash) => `/images/${name}/${hash.name}`),
  ]);
  return ['/', `/configurations/${configuration.name}`, ...ofImages];
}

function signImage(image: TreeNode, options: BuildOptions): void {
  const data = image.props.find(([name]) => name === 'data')?.[1] ?? Buffer.alloc(0);
  const signature = signatureNode(options);
  signature.props.push(['value', signBytes(Buffer.from(data), options)]);
  image.children.push(signature);
}

function signBytes(bytes: Buffer, { key, algorithm = 'sha256,rsa2048', padding }: BuildOptions): Buffer {
  const [hash = 'sha256'] = algorithm.split(',');
  if (key.asymmetricKeyType === 'ec') return sign(hash, bytes, { key, dsaEncoding: 'ieee-p1363' });
  const signer = createSign(hash).update(bytes);
  if (padding === undefined) return signer.sign({ key, padding: constants.RSA_PKCS1_PADDING });
  const saltLength = constants.RSA_PSS_SALTLEN_MAX_SIGN;
  return signer.sign({ key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });
}

/** Data stay in the tree, or go behind it, each aligned to four bytes. */
function layOut(root: TreeNode, images: readonly TreeNode[], names: Names, options: BuildOptions): Buffer {
  const { where = 'embedded', freeBytes = 32 } = options;
  if (where === 'embedded') return writeTree(writeStructure(root, names).structure, names, freeBytes);
  const outside: Buffer[] = [];
  let at = where === 'position' ? 4096 : 0;
  for (const image of images) {
    const index = image.props.findIndex(([name]) => name === 'data');
    const [[, data] = ['', Buffer.alloc(0)]] = image.props.splice(index, 1);
    image.props.unshift(['data-size', u32(data.length)], [`data-${where}`, u32(at)]);
    const aligned = Buffer.concat([data, Buffer.alloc((4 - (data.length % 4)) % 4)]);
    outside.push(aligned);
    at += aligned.length;
  }
  const { structure } = writeStructure(root, names);
  const free = (4 - (names.bytes.length % 4)) % 4;
  const tree = writeTree(structure, names, free);
  const gap = where === 'position' ? Buffer.alloc(4096 - tree.length) : Buffer.alloc(0);
  return Buffer.concat([tree, gap, ...outside]);
}
