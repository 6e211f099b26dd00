/** RAUC bundles, as an image format of the engine. */

import { bytesSource, type ByteSource } from '../../byte-source.ts';
import { signerCertificates } from '../../crypto/cms.ts';
import { publishedKeys } from '../../known-keys.ts';
import { digestOf } from '../../digest.ts';
import type { Claim, ImageFacts, ImageFormat } from '../../format.ts';
import { manifestValue, mostManifestBytes, readManifest, type Manifest } from './manifest.ts';
import { raucMutations } from './mutations/index.ts';
import { parseRauc, type RaucImage } from './parse.ts';
import { readRootFile } from './squashfs-file.ts';
import { squashfsMagic } from './squashfs.ts';
import { raucVerifier } from './verify.ts';

export const rauc: ImageFormat<RaucImage> = {
  name: 'rauc',
  title: 'RAUC',
  claims,
  parse: parseRauc,
  facts,
  verifier: raucVerifier,
  executedDigest: (source, image) => digestOf(source, 'sha256', { end: image.dataEnd }).toString('hex'),
  mutations: raucMutations,
};

/** A squashfs alone is none, and the payload of a crypt bundle looks like nothing: the CMS decides. */
function claims(source: ByteSource): Claim | undefined {
  const magic = Buffer.from(source.read(0, 4));
  const squashfs = magic.length === 4 && magic.readUInt32LE(0) === squashfsMagic;
  const { bundleFormat } = parseRauc(source);
  if (bundleFormat !== undefined && (squashfs || bundleFormat === 'crypt')) return { certainty: 'certain' };
  if (bundleFormat !== undefined)
    return { certainty: 'possible', doubt: 'a CMS at the end, and no squashfs before it' };
  return squashfs
    ? { certainty: 'possible', doubt: 'a squashfs without a CMS and its size behind it' }
    : undefined;
}

/** The manifest: in the CMS, or in the payload of a plain bundle, where it is not compressed by other means than zlib. */
function manifestOf(source: ByteSource, image: RaucImage): Manifest | undefined {
  if (image.bundleFormat !== 'plain') return image.manifest;
  const bytes = readRootFile(source, image.payloadEnd, 'manifest.raucm', mostManifestBytes);
  return bytes && readManifest(bytesSource(bytes), 0, bytes.length);
}

function facts(source: ByteSource, image: RaucImage): ImageFacts {
  const { superblock, envelope } = image;
  const manifest = manifestOf(source, image);
  const value = (group: string, key: string): string | undefined => manifestValue(manifest, group, key);
  const version = value('update', 'version');
  const compatible = value('update', 'compatible');
  const images = new Set(
    manifest?.entries.map(({ group }) => group).filter((group) => group.startsWith('image.')) ?? [],
  );
  const other: [name: string, value: string | undefined][] = [
    ['bundle format', image.bundleFormat],
    ['build', value('update', 'build')],
    ['description', value('update', 'description')],
    ...[...images].map((group): [string, string | undefined] => [group, value(group, 'filename')]),
    [
      'squashfs',
      superblock && `${superblock.version}, ${superblock.compression}, ${superblock.bytesUsed} bytes`,
    ],
    ['tree', image.tree && `${image.tree.treeBytes} bytes over ${image.tree.dataBlocks} blocks`],
    ['recipients', envelope && String(envelope.recipients.length)],
    [
      'not told',
      image.bundleFormat === 'plain' && manifest === undefined
        ? 'version and compatible: the manifest lies compressed in the squashfs'
        : image.bundleFormat === 'crypt'
          ? 'version, compatible and signer: the manifest is encrypted'
          : undefined,
    ],
  ];
  return {
    ...(version === undefined ? {} : { version }),
    hardware: compatible === undefined ? [] : [{ name: 'compatible', value: compatible }],
    algorithms: (image.cms?.signers ?? []).map(({ digestAlgorithm, signatureOid }) =>
      [signatureOid, digestAlgorithm].filter(Boolean).join(' with '),
    ),
    signers: certificatesOf(image).map(({ x509, serial }) => ({
      name: 'certificate',
      value: x509?.subject.replaceAll('\n', ', ') ?? serial,
    })),
    contentsHidden: manifest === undefined,
    digests: [value('bundle', 'verity-hash'), ...[...images].map((group) => value(group, 'sha256'))].filter(
      (digest) => digest !== undefined,
    ),
    other: [
      ...other.flatMap(([name, told]) => (told === undefined ? [] : [{ name, value: told }])),
      ...publishedKeys(certificatesOf(image)),
    ],
  };
}

/** Certificates of everybody who signed. */
function certificatesOf({ cms }: RaucImage): ReturnType<typeof signerCertificates> {
  return cms === undefined ? [] : cms.signers.flatMap((signer) => signerCertificates(cms, signer));
}
