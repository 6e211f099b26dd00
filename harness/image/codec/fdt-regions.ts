/**
 * Which bytes of a device tree a signature over some of its nodes covers.
 *
 * Source: U-Boot, boot/fdt_region.c, fdt_find_regions(); doc/usage/fit/signature.rst "Signed configurations".
 */

import type { FdtTag, FdtTree } from './fdt.ts';

export interface FdtRange {
  start: number;
  end: number;
}

/** U-Boot's own bounds. */
const mostDepth = 32;
const mostPathBytes = 200;

/**
 * The ranges of the structure block that hold the named nodes: their tags, names and properties, of their direct
 * subnodes only where they begin and end, and the last tag of the tree.
 *
 * @param excluded names of properties that are left out wherever they stand
 * @returns what is wrong, where U-Boot would refuse to look on
 */
export function findRegions(
  tree: FdtTree,
  nodes: ReadonlySet<string>,
  excluded: ReadonlySet<string>,
): { ranges: FdtRange[] } | { error: string } {
  const ranges: FdtRange[] = [];
  const outer: number[] = [];
  // 2: the node itself, 1: a direct subnode of one, 0: neither.
  let want = 0;
  let start = -1;
  for (const tag of tree.tags) {
    let included = want >= 2;
    let stopAt = tag.start;
    switch (tag.type) {
      case 'prop':
        included = included && !excluded.has(tag.prop.name);
        break;
      case 'begin': {
        if (outer.length >= mostDepth) return { error: `nodes ${mostDepth} deep` };
        if (tag.node.path.length + 2 >= mostPathBytes) return { error: 'a path that is too long' };
        outer.push(want);
        want = nodes.has(tag.node.path) ? 2 : Math.max(0, want - 1);
        included = want > 0;
        break;
      }
      case 'end-node':
        // A range that ends at the end of a node takes the end tag in.
        stopAt = tag.end;
        included = want > 0;
        want = outer.pop() ?? 0;
        break;
      case 'end':
        included = true;
        break;
      case 'nop':
        break;
    }
    if (included && start < 0) start = mergedStart(ranges, tag);
    if (!included && start >= 0) {
      ranges.push({ start, end: stopAt });
      start = -1;
    }
  }
  const last = tree.tags.at(-1);
  if (last?.type !== 'end') return { error: 'no end of the structure' };
  ranges.push({ start, end: last.end });
  return { ranges };
}

/** Goes on with the range before when there is nothing between. */
function mergedStart(ranges: FdtRange[], tag: FdtTag): number {
  const before = ranges.at(-1);
  if (before?.end !== tag.start) return tag.start;
  ranges.pop();
  return before.start;
}
