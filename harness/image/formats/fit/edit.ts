/** Edits of a FIT, and plans made of them. */

import { bytesSource, joined, slice, type ByteSource } from '../../byte-source.ts';
import { property, type FdtNode } from '../../codec/fdt.ts';
import { cells, copyWith, FdtEditor, type FdtValue } from '../../codec/fdt-edit.ts';
import type { DoesNotApply } from '../../mutation.ts';
import { patched, PatchSet, type Insert, type Patch } from '../../patch-set.ts';
import { hashValue } from './algorithms.ts';
import {
  chosenConfigurations,
  imagesOf,
  mostImages,
  type FitConfiguration,
  type FitData,
  type FitImage,
  type FitSignature,
  type FitSubImage,
} from './model.ts';
import { coveredNodes, signedBytes, signedRanges } from './coverage.ts';
import { parseFit } from './parse.ts';
import { dataOf, signatureMode } from './verify.ts';
import type { FitInput, RefusedPlan } from './mutations/common.ts';
import type { Refusal } from './verify.ts';

/** What boots, and is attacked. */
export interface Target {
  configuration: FitConfiguration;
  /** What the configuration names as its kernel, else its first image. */
  kernel: FitSubImage & { data: FitData };
}

/** What boots, or why nothing does. */
export function targetOf(image: FitImage): Target | DoesNotApply {
  const [configuration] = chosenConfigurations(image);
  if (configuration === undefined) return { doesNotApply: 'there is no configuration to boot' };
  const named = configuration.references.find(
    ({ role, image: found }) => role === 'kernel' && found !== undefined,
  );
  const kernel = named?.image ?? imagesOf(configuration)[0];
  const data = kernel?.data;
  if (kernel === undefined || data === undefined || data.claimedEnd <= data.start) {
    return { doesNotApply: 'the configuration boots no image with data' };
  }
  return { configuration, kernel: { ...kernel, data } };
}

/** A signature that a device goes by, with what it covers. */
export interface InForce {
  signature: FitSignature;
  of: 'configuration' | 'image';
  path: string;
  signed: (source: ByteSource, image: FitImage) => ByteSource | undefined;
}

/** The signatures that decide: of what boots as a whole, or of each image in it. */
export function signaturesInForce({ image, policy }: Pick<FitInput, 'image' | 'policy'>): InForce[] {
  const mode = policy.requiredSignature ?? signatureMode(image);
  const chosen = chosenConfigurations(image);
  if (mode === 'configuration') {
    return chosen.flatMap((configuration) =>
      configuration.signatures.map((signature) => ({
        signature,
        of: 'configuration',
        path: signature.node.path,
        signed: (source, other) => signedPart(source, other, configuration.name, signature.node.name),
      })),
    );
  }
  return image.images.slice(0, mostImages).flatMap((subImage) =>
    subImage.signatures.map((signature) => ({
      signature,
      of: 'image',
      path: signature.node.path,
      signed: (source, other) => {
        const same = other.images.find(({ name }) => name === subImage.name);
        return same && dataOf(source, same);
      },
    })),
  );
}

/** What a signature of a configuration covers, found by names; undefined when there is no such signature. */
export function signedPart(
  source: ByteSource,
  image: FitImage,
  configurationName: string,
  signatureName: string,
): ByteSource | undefined {
  const configuration = image.configurations.find(({ name }) => name === configurationName);
  const signature = configuration?.signatures.find(({ node }) => node.name === signatureName);
  if (configuration === undefined || signature === undefined) return undefined;
  const found = signedRanges(image.tree, coveredNodes(configuration), signature.hashedStrings);
  return 'ranges' in found ? signedBytes(source, found.ranges) : undefined;
}

export function editorOf({ base, image }: Pick<FitInput, 'base' | 'image'>): FdtEditor {
  return new FdtEditor(base, image.tree);
}

/** All edits as patches; data at a position in the file follow what they moved. */
export function patchesOf(input: FitInput, editor: FdtEditor): Patch[] {
  for (const { data } of input.image.images) {
    const place = data?.place;
    if (place?.name !== 'data-position' || data === undefined || editor.growth === 0) continue;
    if (!editor.edits(place)) editor.apply(editor.withValue(place, cells(data.start + editor.growth)));
  }
  return editor.patches();
}

/** The plan of all edits. */
export function planOf(
  input: FitInput,
  editor: FdtEditor,
  rest: { refusedFor?: Refusal; facts?: Record<string, string | number> } = {},
): RefusedPlan | DoesNotApply {
  if (!editor.usual && editor.growth !== 0) return { doesNotApply: 'the strings lie before the structure' };
  const patches = patchesOf(input, editor);
  return { patches, touches: touchesOf(input.image, patches), ...rest };
}

/** Regions that the patches reach. */
export function touchesOf(image: FitImage, patches: readonly Patch[]): string[] {
  const names = new Set<string>();
  for (const { at, remove } of patches) {
    const last = remove === 0 ? at + 1 : at + remove;
    if (at >= image.size) names.add('end-of-file');
    for (const { name, start, end } of image.regions) if (start < last && end > at) names.add(name);
  }
  return [...names];
}

/** Other data of the same length: its first bytes differ, and the rest is a copy. */
export function evilData({ base, random }: FitInput, { start, claimedEnd: end }: FitData): EvilData {
  const head = Buffer.from(random('evil data', Math.min(16, end - start)));
  head[0] = (base.read(start, start + 1)[0] ?? 0) ^ 0xff;
  const source = joined([bytesSource(head), slice(base, start + head.length, end)]);
  const inserts: Insert[] = [{ kind: 'bytes', bytes: head }];
  if (end > start + head.length) inserts.push({ kind: 'copy', start: start + head.length, end });
  return { inserts, source };
}

export interface EvilData {
  inserts: readonly Insert[];
  source: ByteSource;
}

/** Patches that make an image node hold other data, embedded, with hashes that fit them. */
export function withData(editor: FdtEditor, image: FitSubImage, data: EvilData): Patch[] {
  return [...dataPatches(editor, image, data), ...withHashes(editor, image, data.source)];
}

/** Patches that make an image node hold other data, embedded. */
export function dataPatches(editor: FdtEditor, image: FitSubImage, data: EvilData): Patch[] {
  const patches: Patch[] = [];
  for (const name of ['data-position', 'data-offset', 'data-size']) {
    const prop = property(image.node, name);
    if (prop !== undefined) patches.push(editor.withoutProp(prop));
  }
  patches.push(editor.withSet(image.node, 'data', data.inserts));
  return patches;
}

/** Patches that make the hashes of an image fit the data. */
export function withHashes(editor: FdtEditor, image: FitSubImage, data: ByteSource): Patch[] {
  return image.hashes.flatMap(({ node, algorithm }) => {
    const value = hashValue(data, algorithm, { start: 0, end: data.size });
    return value === undefined ? [] : [editor.withSet(node, 'value', value)];
  });
}

/** The patches, with others for the hashes of an image, so that they fit what the patches make of its data. */
export function withFreshHashes(
  { base, image }: FitInput,
  patches: readonly Patch[],
  subImage: FitSubImage,
): Patch[] {
  const altered = patched(base, new PatchSet(base.size, patches));
  const same = parseFit(altered).images.find(({ name }) => name === subImage.name);
  if (same === undefined) return [...patches];
  const editor = editorOf({ base, image });
  editor.apply(...withHashes(editor, subImage, dataOf(altered, same)));
  return [...patches, ...editor.patches()];
}

/** A copy of an image node under another name, with other data in it. */
export function evilCopy(editor: FdtEditor, image: FitSubImage, name: string, data: EvilData): Insert[] {
  return editor.copy(image.node, [editor.renamed(image.node, name), ...withData(editor, image, data)]);
}

/** Patches to a copy of the image inside a copy of something larger. */
export function copyOf(node: FdtNode, patches: readonly Patch[]): Insert[] {
  return copyWith(node.start, node.end, patches);
}

/** A value of the same length that differs in its last significant byte. */
export function turned(value: Uint8Array): FdtValue {
  const bytes = Buffer.from(value);
  const at = Math.max(0, bytes.at(-1) === 0 && bytes.length > 1 ? bytes.length - 2 : bytes.length - 1);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes;
}
