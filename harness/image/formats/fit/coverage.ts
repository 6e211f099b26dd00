/**
 * What the signature of a configuration covers: the list of nodes is made from the configuration itself, as U-Boot does
 * since 2026.04, and never taken from `hashed-nodes`.
 *
 * Source: U-Boot, boot/image-fit-sig.c, fit_config_get_hash_list(), fit_config_check_sig().
 */

import { joined, slice, type ByteSource } from '../../byte-source.ts';
import type { FdtTree } from '../../codec/fdt.ts';
import { findRegions, type FdtRange } from '../../codec/fdt-regions.ts';
import { imagesOf, type FitConfiguration, type FitSignature } from './model.ts';

const unsignedProps: ReadonlySet<string> = new Set(['data', 'data-size', 'data-position', 'data-offset']);

/** Paths of the nodes that a signature of the configuration must cover. */
export function coveredNodes(configuration: FitConfiguration): Set<string> {
  const paths = new Set(['/', configuration.node.path]);
  for (const { node, hashes } of imagesOf(configuration)) {
    paths.add(node.path);
    for (const hash of hashes) paths.add(hash.node.path);
    for (const child of node.children) {
      if (child.name === 'cipher' || child.name === 'dm-verity') paths.add(child.path);
    }
  }
  return paths;
}

/** Ranges of the file that a signature covers, with its share of the strings, in the order in which they are hashed. */
export function signedRanges(
  tree: FdtTree,
  nodes: ReadonlySet<string>,
  hashedStrings: FitSignature['hashedStrings'],
): { ranges: FdtRange[] } | { error: string } {
  const { header } = tree;
  if (header === undefined) return { error: 'no header' };
  const found = findRegions(tree, nodes, unsignedProps);
  if ('error' in found || hashedStrings === undefined) return found;
  if (hashedStrings === 'bad') return { error: 'hashed-strings is shorter than two cells' };
  if (hashedStrings > header.size_dt_strings) {
    return { error: `hashed-strings says ${hashedStrings} bytes of ${header.size_dt_strings}` };
  }
  const start = header.off_dt_strings;
  return { ranges: [...found.ranges, { start, end: start + hashedStrings }] };
}

/** The bytes that are signed, one range behind the other. */
export function signedBytes(source: ByteSource, ranges: readonly FdtRange[]): ByteSource {
  return joined(ranges.map(({ start, end }) => slice(source, start, end)));
}
