/** Names and coverage of every byte of a FIT. */

import type { ByteSource } from '../../byte-source.ts';
import { fdtHeaderBytes, fdtHeaderFields, type FdtNode, type FdtTag, type FdtTree } from '../../codec/fdt.ts';
import type { FdtRange } from '../../codec/fdt-regions.ts';
import { RegionTiler, type Coverage, type Region } from '../../image.ts';
import { coveredNodes, signedRanges } from './coverage.ts';
import { imagesOf, type FitModel } from './model.ts';

/** Regions in file order, without gap or overlap, whatever the tree says. */
export function tile(source: ByteSource, tree: FdtTree, model: FitModel, imageEnd: number): Region[] {
  const tiler = new RegionTiler(source.size);
  const leaves = [...headerLeaves(tree), ...blockLeaves(tree, model), ...dataLeaves(model)];
  leaves.sort((a, b) => a.start - b.start || a.end - b.end);
  for (const { name, start, end, coverage } of leaves) {
    if (start > tiler.at) tiler.upTo(start, 'gap', 'unsigned');
    tiler.upTo(end, name, coverage);
  }
  if (tiler.at < imageEnd) tiler.upTo(imageEnd, 'gap', 'unsigned');
  tiler.rest('trailing', 'trailing');
  return tiler.regions;
}

function headerLeaves(tree: FdtTree): Region[] {
  if (tree.header === undefined) return [];
  return fdtHeaderFields.map((field, index) => ({
    name: `header.${field}`,
    start: 4 * index,
    end: 4 * index + 4,
    coverage: 'unsigned',
  }));
}

function blockLeaves(tree: FdtTree, model: FitModel): Region[] {
  const { header } = tree;
  if (header === undefined) return [];
  const signed = signedParts(tree, model);
  const coverage = (start: number, end: number): Coverage =>
    within(signed, start, end) ? 'signed' : 'unsigned';
  const leaves = tree.tags.flatMap((tag) => tagLeaves(tag, model, coverage));
  if (tree.reserveEnd > 0 && header.off_mem_rsvmap >= fdtHeaderBytes) {
    leaves.push({
      name: 'reservations',
      start: header.off_mem_rsvmap,
      end: tree.reserveEnd,
      coverage: 'unsigned',
    });
  }
  const start = header.off_dt_strings;
  const end = start + header.size_dt_strings;
  const hashed = signed.find((part) => part.start <= start && part.end > start);
  const split = Math.min(end, hashed?.end ?? start);
  leaves.push({ name: 'strings.hashed', start, end: split, coverage: 'signed' });
  leaves.push({ name: 'strings.rest', start: split, end, coverage: 'unsigned' });
  return leaves;
}

/** Long paths are cut: only their number makes them differ, and nobody writes such. */
function shown(node: FdtNode): string {
  return node.path.length <= 200 ? node.path : `…/${node.name}`;
}

function tagLeaves(
  tag: FdtTag,
  model: FitModel,
  coverage: (start: number, end: number) => Coverage,
): Region[] {
  const leaf = (name: string, start: number, end: number): Region => ({
    name,
    start,
    end,
    coverage: coverage(start, end),
  });
  switch (tag.type) {
    case 'begin':
      return [leaf(`${shown(tag.node)}.begin`, tag.start, tag.end)];
    case 'end-node':
      return [leaf(`${shown(tag.node)}.end`, tag.start, tag.end)];
    case 'nop':
    case 'end':
      return [leaf(`structure.${tag.type}`, tag.start, tag.end)];
    case 'prop': {
      const { name, node, start, valueStart, valueEnd, end } = tag.prop;
      const prefix = `${shown(node)}.${name}`;
      const value = leaf(prefix, valueStart, valueEnd);
      return [
        leaf(`${prefix}.header`, start, valueStart),
        { ...value, coverage: valueCoverage(node, name, model) ?? value.coverage },
        leaf(`${prefix}.padding`, valueEnd, end),
      ];
    }
  }
}

/** Signatures themselves, and data that a hash or a signature of its own covers. */
function valueCoverage(node: FdtNode, name: string, model: FitModel): Coverage | undefined {
  if (name === 'value' && node.name.startsWith('signature')) return 'signature';
  if (name !== 'data' || node.parent !== model.imagesNode || node.parent === undefined) return undefined;
  return protectedData(model).has(node) ? 'signed' : 'unsigned';
}

const protectedNodes = new WeakMap<FitModel, Set<FdtNode>>();

/** Images of signed configurations that have a hash, and images that are signed themselves. */
function protectedData(model: FitModel): Set<FdtNode> {
  const known = protectedNodes.get(model);
  if (known !== undefined) return known;
  const nodes = new Set<FdtNode>();
  for (const configuration of model.configurations) {
    if (configuration.signatures.length === 0) continue;
    for (const { node, hashes } of imagesOf(configuration)) if (hashes.length > 0) nodes.add(node);
  }
  for (const { node, signatures } of model.images) if (signatures.length > 0) nodes.add(node);
  protectedNodes.set(model, nodes);
  return nodes;
}

function dataLeaves(model: FitModel): Region[] {
  return model.images.flatMap(({ name, node, data }) =>
    data?.kind === 'external' && data.start >= 0
      ? [
          {
            name: `data.${name}`,
            start: data.start,
            end: data.claimedEnd,
            coverage: protectedData(model).has(node) ? 'signed' : 'unsigned',
          },
        ]
      : [],
  );
}

/** What any of the first configurations' signatures covers, in ascending order, without overlaps. */
function signedParts(tree: FdtTree, model: FitModel): FdtRange[] {
  const ranges: FdtRange[] = [];
  for (const configuration of model.configurations.slice(0, 16)) {
    const [signature] = configuration.signatures;
    if (signature === undefined) continue;
    const found = signedRanges(tree, coveredNodes(configuration), signature.hashedStrings);
    if ('ranges' in found) ranges.push(...found.ranges);
  }
  ranges.sort((a, b) => a.start - b.start);
  const merged: FdtRange[] = [];
  for (const range of ranges) {
    const last = merged.at(-1);
    if (last === undefined || range.start > last.end) merged.push({ ...range });
    else last.end = Math.max(last.end, range.end);
  }
  return merged;
}

function within(ranges: readonly FdtRange[], start: number, end: number): boolean {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ranges[middle]?.end ?? Infinity) < end) low = middle + 1;
    else high = middle;
  }
  const range = ranges[low];
  return range !== undefined && range.start <= start && range.end >= end;
}
