/**
 * What a FIT says, read from its device tree: images with their data and hashes, configurations with their signatures.
 *
 * Source: U-Boot, doc/usage/fit/source_file_format.rst; doc/usage/fit/signature.rst.
 */

import type { ByteSource } from '../../byte-source.ts';
import {
  aligned,
  cellOf,
  property,
  stringOf,
  stringsOf,
  subnode,
  type FdtNode,
  type FdtProp,
  type FdtTree,
} from '../../codec/fdt.ts';
import type { Issue, ParsedImage } from '../../image.ts';

/** Where the data of an image lies; `claimedEnd` may lie behind the end of the file, `start` before its beginning. */
export interface FitData {
  kind: 'embedded' | 'external';
  start: number;
  claimedEnd: number;
  /** What says where it lies, for external data. */
  place: FdtProp | undefined;
  size: FdtProp | undefined;
}

export interface FitHash {
  node: FdtNode;
  algorithm: string | undefined;
  value: FdtProp | undefined;
  /** `uboot-ignore`: the loader does not look at it. */
  ignored: boolean;
}

export interface FitSignature {
  node: FdtNode;
  /** `sha256,rsa2048` */
  algorithm: string | undefined;
  /** Names a key, and binds nobody. */
  keyHint: string | undefined;
  padding: string;
  value: FdtProp | undefined;
  /** What it says that it covers; U-Boot believed it up to 2026.01. */
  hashedNodes: readonly string[] | undefined;
  /** Bytes of the strings block that it covers; `bad` when the property is too short. */
  hashedStrings: number | 'bad' | undefined;
}

export interface FitSubImage {
  name: string;
  node: FdtNode;
  data: FitData | undefined;
  hashes: readonly FitHash[];
  signatures: readonly FitSignature[];
}

/** What a configuration names: `kernel = "kernel-1"`. */
export interface FitReference {
  role: string;
  name: string;
  image: FitSubImage | undefined;
}

export interface FitConfiguration {
  name: string;
  node: FdtNode;
  references: readonly FitReference[];
  compatible: readonly string[];
  signatures: readonly FitSignature[];
}

export interface FitImage extends ParsedImage {
  format: 'fit';
  tree: FdtTree;
  root: FdtNode | undefined;
  imagesNode: FdtNode | undefined;
  configurationsNode: FdtNode | undefined;
  images: readonly FitSubImage[];
  configurations: readonly FitConfiguration[];
  /** Name of the default configuration. */
  defaultName: string | undefined;
  /** Where the described file ends: tree, and external data with its padding. */
  imageEnd: number;
}

/** Properties of a configuration that name no images. Source: U-Boot boot/image-fit-sig.c, fit_config_get_hash_list(). */
const noReference = new Set(['description', 'compatible', 'default', 'load-only']);
/** Roles under which a loader looks for an image. Source: U-Boot include/image.h, FIT_*_PROP. */
export const roles: ReadonlySet<string> = new Set([
  'kernel',
  'fdt',
  'ramdisk',
  'setup',
  'loadables',
  'fpga',
  'firmware',
  'standalone',
  'script',
]);

/** What U-Boot would follow in one configuration. */
const mostReferences = 100;
const mostSubnodes = 64;
/** Images that are looked at where no configuration says which. */
export const mostImages = 100;

export type FitModel = Omit<FitImage, keyof ParsedImage | 'tree' | 'imageEnd'>;

/** Never throws; work is linear in the size of the tree. */
export function readModel(source: ByteSource, tree: FdtTree): FitModel {
  const [root] = tree.roots;
  const imagesNode = subnode(root, 'images');
  const configurationsNode = subnode(root, 'configurations');
  const dataBase = aligned(tree.header?.totalsize ?? 0);
  const images = (imagesNode?.children ?? []).map((node) => subImage(source, node, dataBase));
  const byName = new Map([...images].reverse().map((image) => [image.name, image]));
  const configurations = (configurationsNode?.children ?? []).map((node) =>
    configuration(source, node, byName),
  );
  // One that is no string names nothing; that is not the same as none.
  const named = property(configurationsNode, 'default');
  const defaultName = named && (stringOf(source, named) ?? '');
  return { root, imagesNode, configurationsNode, images, configurations, defaultName };
}

function subImage(source: ByteSource, node: FdtNode, dataBase: number): FitSubImage {
  return {
    name: node.name,
    node,
    data: dataOf(source, node, dataBase),
    hashes: subnodes(node, 'hash').map((hash) => ({
      node: hash,
      algorithm: stringOf(source, property(hash, 'algo')),
      value: property(hash, 'value'),
      ignored: (cellOf(source, property(hash, 'uboot-ignore')) ?? 0) !== 0,
    })),
    signatures: signaturesIn(source, node),
  };
}

/** Source: U-Boot boot/image-fit.c, fit_image_get_data(): position before offset before what is embedded. */
function dataOf(source: ByteSource, node: FdtNode, dataBase: number): FitData | undefined {
  const position = property(node, 'data-position');
  const place = position ?? property(node, 'data-offset');
  if (place === undefined) {
    const data = property(node, 'data');
    return (
      data && {
        kind: 'embedded',
        start: data.valueStart,
        claimedEnd: data.valueEnd,
        place: undefined,
        size: undefined,
      }
    );
  }
  const at = cellOf(source, place);
  const size = property(node, 'data-size');
  const bytes = cellOf(source, size);
  if (at === undefined || bytes === undefined) return undefined;
  const start = signed(at) + (position === undefined ? dataBase : 0);
  return { kind: 'external', start, claimedEnd: start + bytes, place, size };
}

/** U-Boot reads offsets into an `int`. */
function signed(cell: number): number {
  return cell > 0x7fff_ffff ? cell - 0x1_0000_0000 : cell;
}

function subnodes(node: FdtNode, prefix: string): FdtNode[] {
  return node.children.filter(({ name }) => name.startsWith(prefix)).slice(0, mostSubnodes);
}

function signaturesIn(source: ByteSource, parent: FdtNode): FitSignature[] {
  return subnodes(parent, 'signature').map((node) => {
    const hashedStrings = property(node, 'hashed-strings');
    return {
      node,
      algorithm: stringOf(source, property(node, 'algo')),
      keyHint: stringOf(source, property(node, 'key-name-hint')),
      padding: stringOf(source, property(node, 'padding')) ?? 'pkcs-1.5',
      value: property(node, 'value'),
      hashedNodes: stringsOf(source, property(node, 'hashed-nodes')),
      hashedStrings: hashedStrings && (cellOf(source, hashedStrings, 1) ?? 'bad'),
    };
  });
}

function configuration(
  source: ByteSource,
  node: FdtNode,
  images: ReadonlyMap<string, FitSubImage>,
): FitConfiguration {
  const references: FitReference[] = [];
  for (const prop of node.props) {
    if (noReference.has(prop.name)) continue;
    for (const name of stringsOf(source, prop) ?? []) {
      if (references.length < mostReferences)
        references.push({ role: prop.name, name, image: images.get(name) });
    }
  }
  return {
    name: node.name,
    node,
    references,
    compatible: stringsOf(source, property(node, 'compatible')) ?? [],
    signatures: signaturesIn(source, node),
  };
}

/** Issues of the FIT, beyond those of its tree. */
export function modelIssues(source: ByteSource, model: FitModel): Issue[] {
  const issues: Issue[] = [];
  if (model.root !== undefined && model.imagesNode === undefined) {
    issues.push({ code: 'fit-images', at: model.root.start, message: 'there is no node /images' });
  }
  for (const { name, node, data } of model.images.slice(0, 100)) {
    if (data === undefined) issues.push({ code: 'fit-data', at: node.start, message: `${name} has no data` });
    else if (data.start < 0 || data.claimedEnd > source.size) {
      issues.push({
        code: 'fit-data',
        at: node.start,
        message: `the data of ${name} are [${data.start}, ${data.claimedEnd}) of ${source.size} bytes`,
      });
    }
  }
  return issues;
}

/** The configuration that boots when none is asked for; all of them when there is no default. */
export function chosenConfigurations(image: FitModel): readonly FitConfiguration[] {
  const { configurations, defaultName } = image;
  if (defaultName === undefined) return configurations.slice(0, 8);
  // What follows a # are overlays (U-Boot, doc/usage/fit/overlay-fdt-boot.rst).
  const [name] = defaultName.split('#');
  const chosen = configurations.find((candidate) => candidate.name === name);
  return chosen === undefined ? [] : [chosen];
}

/** Images that the configuration names, each once. */
export function imagesOf(configuration: FitConfiguration): FitSubImage[] {
  return [...new Set(configuration.references.flatMap(({ image }) => (image === undefined ? [] : [image])))];
}
