/**
 * The reference verifier of FIT images: says why it refuses one. It decides as U-Boot 2026.04 does with
 * FIT_SIGNATURE and FIT_FULL_CHECK.
 *
 * Source: U-Boot, boot/image-fit.c fit_check_format(), fit_image_load(); boot/image-fit-sig.c.
 */

import type { KeyObject } from 'node:crypto';
import { slice, type ByteSource } from '../../byte-source.ts';
import { property, valueOf } from '../../codec/fdt.ts';
import { verifyDigest } from '../../crypto/verify-digest.ts';
import { digestOf, type DigestAlgorithm } from '../../digest.ts';
import { classicKeys, type Trust } from '../../trust.ts';
import { hashValue, schemeOf } from './algorithms.ts';
import { coveredNodes, signedBytes, signedRanges } from './coverage.ts';
import {
  chosenConfigurations,
  imagesOf,
  mostImages,
  roles,
  type FitConfiguration,
  type FitImage,
  type FitSignature,
  type FitSubImage,
} from './model.ts';
import { parseFit } from './parse.ts';

export type Refusal =
  | 'truncated'
  | 'structure'
  | 'unit-address'
  | 'configuration'
  | 'image'
  | 'data'
  | 'hash'
  | 'unsigned'
  | 'algorithm'
  | 'coverage'
  | 'signature'
  | 'hardware'
  | 'appended'
  | 'resource';

export type Verification = { accepted: true } | { accepted: false; reason: Refusal; detail: string };

/** What must be signed: each configuration as a whole, or each image by itself. */
export type SignatureMode = 'configuration' | 'image';

/** A signature that is known to be genuine, for a bench without the public key; lower-case hex. */
interface GenuineSignature {
  digest: string;
  signature: string;
}

interface FitTrust {
  keys: readonly KeyObject[];
  genuine: readonly GenuineSignature[];
  mode: SignatureMode | undefined;
  /** Hardware that the genuine images are for, where the device checks it. */
  hardware: ReadonlySet<string> | undefined;
  refuseAppended: boolean;
}

const no = (reason: Refusal, detail: string): Verification => ({ accepted: false, reason, detail });

export function fitVerifier(trust: Trust): (source: ByteSource) => Verification {
  const genuine = trust.genuine.map((source) => ({ source, image: parseFit(source) }));
  const keys = classicKeys(trust);
  const [first] = genuine;
  const checked = trust.policy.hardwareCompatibility === 'checked' && first !== undefined;
  const whom: FitTrust = {
    keys,
    genuine: keys.length > 0 ? [] : genuine.flatMap(({ source, image }) => genuineSignatures(source, image)),
    mode: trust.policy.requiredSignature ?? (first && signatureMode(first.image)),
    hardware: checked
      ? new Set(genuine.flatMap(({ source, image }) => hardwareOf(source, image)))
      : undefined,
    refuseAppended: trust.policy.appendedData === 'refuse',
  };
  return (source) => new Check(source, whom).run();
}

/** What the image is signed as, by its own word. */
export function signatureMode(image: FitImage): SignatureMode {
  const chosen = chosenConfigurations(image);
  const ofImages = image.images.some(({ signatures }) => signatures.length > 0);
  return ofImages && chosen.every(({ signatures }) => signatures.length === 0) ? 'image' : 'configuration';
}

/** Board and architecture that an image is for: `compatible acme,gateway`, `arch arm`. */
export function hardwareOf(source: ByteSource, image: FitImage): string[] {
  const chosen = chosenConfigurations(image);
  const archs = chosen.flatMap(imagesOf).map(({ node }) => {
    const value = valueOf(source, property(node, 'arch'));
    return `arch ${value.toString('latin1').replaceAll('\0', '')}`;
  });
  return [
    ...chosen.flatMap(({ compatible }) => compatible.map((name) => `compatible ${name}`)),
    ...new Set(archs.filter((name) => name !== 'arch ')),
  ];
}

class Check {
  readonly #source: ByteSource;
  readonly #trust: FitTrust;
  readonly #image: FitImage;
  /** Bytes that may still be hashed: images that share their data must not make the work endless. */
  #budget: number;

  constructor(source: ByteSource, trust: FitTrust) {
    this.#source = source;
    this.#trust = trust;
    this.#image = parseFit(source);
    this.#budget = 500_000 + 16 * source.size;
  }

  run(): Verification {
    const chosen = chosenConfigurations(this.#image);
    const mode = this.#trust.mode ?? signatureMode(this.#image);
    return (
      this.#form(chosen) ??
      first(chosen, (configuration) => this.#references(configuration)) ??
      this.#hashes(this.#mayBoot(chosen, mode), mode) ??
      (mode === 'configuration'
        ? first(chosen, (configuration) => this.#signed(configuration))
        : this.#imagesSigned(this.#mayBoot(chosen, mode))) ??
      this.#policy() ?? { accepted: true }
    );
  }

  #form(chosen: readonly FitConfiguration[]): Verification | undefined {
    const { tree, root, imagesNode, defaultName } = this.#image;
    const truncated = tree.issues.find(({ code }) => code === 'truncated');
    if (truncated !== undefined) return no('truncated', truncated.message);
    const [issue] = tree.issues;
    if (issue !== undefined) return no('structure', `${issue.message}, at ${issue.at}`);
    if (imagesNode === undefined) return no('structure', 'there is no node /images');
    if (property(root, 'description') === undefined) return no('structure', 'the root has no description');
    const marked = tree.tags.find((tag) => tag.type === 'begin' && tag.node.name.includes('@'));
    if (marked?.type === 'begin') return no('unit-address', `${marked.node.path} has a unit address`);
    if (chosen.length > 0) return undefined;
    return no('configuration', `there is no configuration ${defaultName ?? ''}`);
  }

  #references({ name, references }: FitConfiguration): Verification | undefined {
    const missing = references.find(({ role, image }) => roles.has(role) && image === undefined);
    if (missing !== undefined) {
      return no('image', `${name} names ${missing.name} as its ${missing.role}, which is not there`);
    }
    if (references.every(({ image }) => image === undefined)) return no('image', `${name} names no image`);
    return undefined;
  }

  /** What a signed configuration names; where none is signed, any image may be asked for. */
  #mayBoot(chosen: readonly FitConfiguration[], mode: SignatureMode): readonly FitSubImage[] {
    return mode === 'configuration'
      ? [...new Set(chosen.flatMap(imagesOf))]
      : this.#image.images.slice(0, mostImages);
  }

  #hashes(images: readonly FitSubImage[], mode: SignatureMode): Verification | undefined {
    return first(images, (image) => {
      const { data, hashes, name } = image;
      if (data === undefined) return no('data', `${name} has no data`);
      const { start, claimedEnd: end } = data;
      if (start < 0 || end > this.#source.size) {
        return no('data', `the data of ${name} are [${start}, ${end}) of ${this.#source.size} bytes`);
      }
      const effective = hashes.filter(({ ignored }) => !ignored);
      if (effective.length === 0 && mode === 'configuration') return no('hash', `${name} has no hash`);
      return first(effective, ({ algorithm, value }) => {
        if (!this.#afford(end - start)) return no('resource', 'more is to be hashed than the file has');
        const actual = hashValue(this.#source, algorithm, { start, end });
        if (actual === undefined) return no('hash', `${name} has a hash ${algorithm}, which is unknown`);
        const stated = valueOf(this.#source, value);
        if (actual.equals(stated)) return undefined;
        return no(
          'hash',
          `${name}: ${algorithm} is ${actual.toString('hex')}, not ${stated.toString('hex')}`,
        );
      });
    });
  }

  #signed(configuration: FitConfiguration): Verification | undefined {
    return this.#anyGood(configuration.name, configuration.signatures, (signature) => {
      const own = this.#overNodes(signature, coveredNodes(configuration));
      if (own === undefined || signature.hashedNodes === undefined) return own;
      const claimed = this.#overNodes(signature, new Set(signature.hashedNodes.slice(0, 100)));
      if (claimed !== undefined) return own;
      return no('coverage', `signed are ${signature.hashedNodes.join(', ')}, which is not what would boot`);
    });
  }

  #imagesSigned(images: readonly FitSubImage[]): Verification | undefined {
    return first(images, (image) =>
      this.#anyGood(image.name, image.signatures, (signature) =>
        this.#good(signature, dataOf(this.#source, image)),
      ),
    );
  }

  /** Good when one of the signatures is; else what is wrong with the last. */
  #anyGood(
    name: string,
    signatures: readonly FitSignature[],
    check: (signature: FitSignature) => Verification | undefined,
  ): Verification | undefined {
    let refusal: Verification | undefined = no('unsigned', `${name} has no signature`);
    for (const signature of signatures.slice(0, 8)) {
      refusal = check(signature);
      if (refusal === undefined) return undefined;
    }
    return refusal;
  }

  #overNodes(signature: FitSignature, nodes: ReadonlySet<string>): Verification | undefined {
    const found = signedRanges(this.#image.tree, nodes, signature.hashedStrings);
    if ('error' in found) return no('signature', `what is signed cannot be found: ${found.error}`);
    return this.#good(signature, signedBytes(this.#source, found.ranges));
  }

  #good(signature: FitSignature, signed: ByteSource): Verification | undefined {
    const { node, algorithm, padding } = signature;
    const scheme = schemeOf(signature);
    if (scheme === undefined) return no('algorithm', `${node.path}: ${algorithm}, ${padding} is unknown`);
    if (!this.#afford(signed.size)) return no('resource', 'more is to be hashed than the file has');
    const digest = digestOf(signed, scheme.hash);
    const value = valueOf(this.#source, signature.value);
    if (this.#trust.keys.length === 0) {
      const known = genuineSignature(digest, scheme.hash, value);
      const good = this.#trust.genuine.some(
        (genuine) => genuine.digest === known.digest && genuine.signature === known.signature,
      );
      return good ? undefined : no('signature', `${node.path} is the signature of no known image`);
    }
    const reasons: string[] = [];
    for (const key of this.#trust.keys.filter(scheme.fits)) {
      const check = verifyDigest(key, scheme.scheme, digest, value);
      if (check.good) return undefined;
      reasons.push(check.why);
    }
    return no('signature', `${node.path}: ${reasons.join('; ') || `no trusted key is for ${algorithm}`}`);
  }

  #policy(): Verification | undefined {
    const { hardware, refuseAppended } = this.#trust;
    const appended = this.#source.size - this.#image.imageEnd;
    if (refuseAppended && appended > 0) return no('appended', `${appended} bytes lie behind the image`);
    if (hardware === undefined) return undefined;
    const other = hardwareOf(this.#source, this.#image).find((name) => !hardware.has(name));
    return other === undefined ? undefined : no('hardware', `it is for ${other}`);
  }

  #afford(bytes: number): boolean {
    this.#budget -= bytes;
    return this.#budget >= 0;
  }
}

function first<Item>(
  items: readonly Item[],
  check: (item: Item) => Verification | undefined,
): Verification | undefined {
  for (const item of items) {
    const refusal = check(item);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** Data of an image, clipped to the file. */
export function dataOf(source: ByteSource, { data }: FitSubImage): ByteSource {
  return slice(source, data?.start ?? 0, data?.claimedEnd ?? 0);
}

/** Every signature of an image that is known to be genuine. */
function genuineSignatures(source: ByteSource, image: FitImage): GenuineSignature[] {
  const known = (signature: FitSignature, signed: ByteSource): GenuineSignature[] => {
    const scheme = schemeOf(signature);
    if (scheme === undefined) return [];
    return [genuineSignature(digestOf(signed, scheme.hash), scheme.hash, valueOf(source, signature.value))];
  };
  return [
    ...image.configurations.flatMap((configuration) =>
      configuration.signatures.flatMap((signature) => {
        const found = signedRanges(image.tree, coveredNodes(configuration), signature.hashedStrings);
        return 'ranges' in found ? known(signature, signedBytes(source, found.ranges)) : [];
      }),
    ),
    ...image.images.flatMap((subImage) =>
      subImage.signatures.flatMap((signature) => known(signature, dataOf(source, subImage))),
    ),
  ];
}

function genuineSignature(digest: Buffer, hash: DigestAlgorithm, signature: Buffer): GenuineSignature {
  return { digest: `${hash}:${digest.toString('hex')}`, signature: signature.toString('hex') };
}
