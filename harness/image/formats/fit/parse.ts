/** Parser of FIT images: the device tree, what it says, and regions that tile the file. */

import type { ByteSource } from '../../byte-source.ts';
import { readFdt, type FdtTree } from '../../codec/fdt.ts';
import { modelIssues, readModel, type FitImage, type FitModel } from './model.ts';
import { tile } from './tiles.ts';

/** Reads an image of whatever quality: what is wrong becomes an issue. Work is linear in the size of the tree. */
export function parseFit(source: ByteSource): FitImage {
  const tree = readFdt(source);
  const model = readModel(source, tree);
  const imageEnd = endOf(source, tree, model);
  return {
    format: 'fit',
    size: source.size,
    regions: tile(source, tree, model, imageEnd),
    issues: [...tree.issues, ...modelIssues(source, model)],
    tree,
    ...model,
    imageEnd,
  };
}

/** Behind tree and external data, with up to three zeros that align what would follow. */
function endOf(source: ByteSource, tree: FdtTree, model: FitModel): number {
  let end = Math.min(tree.header?.totalsize ?? 0, source.size);
  for (const { data } of model.images) {
    if (data?.kind === 'external' && data.claimedEnd <= source.size) end = Math.max(end, data.claimedEnd);
  }
  const padded = Math.min(Math.ceil(end / 4) * 4, source.size);
  return source.read(end, padded).every((byte) => byte === 0) ? padded : end;
}
