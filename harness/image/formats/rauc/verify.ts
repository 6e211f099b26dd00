/**
 * Our reference verifier of RAUC bundles. It reads the payload to its last byte, which `rauc info` does not do for
 * verity bundles.
 *
 * Crypt bundles hide their signature: without the key, exactly the genuine ones count as good.
 *
 * Source: RAUC, src/bundle.c (check_bundle, check_bundle_payload), src/manifest.c (check_manifest_external).
 */

import type { ByteSource } from '../../byte-source.ts';
import { checkVerity, type VerityFault } from '../../codec/verity.ts';
import {
  genuineSignatureIds,
  signerCertificates,
  verifyCms,
  type CmsContent,
  type CmsTrust,
} from '../../crypto/cms.ts';
import { digestOf } from '../../digest.ts';
import type { Policy } from '../../policy.ts';
import type { ReferenceVerdict, Trust } from '../../trust.ts';
import { manifestHex32, manifestValue, manifestVeritySize } from './manifest.ts';
import { parseRauc, type RaucImage } from './parse.ts';
import { compareVersions } from './version.ts';

type Refusal = Extract<ReferenceVerdict, { accepted: false }>;

const no = (reason: string, detail: string): Refusal => ({ accepted: false, reason, detail });

/** What the verifier knows of genuine bundles. */
interface Genuine {
  sources: ReadonlySet<ByteSource>;
  /** Payload and CMS of crypt bundles, as one digest of each, hex. */
  encrypted: ReadonlySet<string>;
  signatures: readonly string[];
  /** Subjects of the signers, DER as lower-case hex. */
  names: ReadonlySet<string>;
  compatibles: ReadonlySet<string>;
  /** The highest version; undefined when none can be compared. */
  highest: string | undefined;
}

/** Whether a device that trusts exactly this must install the bundle, and if not, the first reason why. */
export function raucVerifier(trust: Trust): (source: ByteSource) => ReferenceVerdict {
  let genuine: Genuine | undefined; // read when it is first needed, which is after the trust is complete
  return (source) => verifyRauc(source, trust, (genuine ??= readGenuine(trust)));
}

function verifyRauc(source: ByteSource, trust: Trust, genuine: Genuine): ReferenceVerdict {
  const image = parseRauc(source);
  return (
    checkForm(image) ??
    checkFormat(image, trust.policy) ??
    (image.bundleFormat === 'crypt'
      ? checkEncrypted(source, image, genuine)
      : (checkSignature(source, image, trust, genuine) ??
        checkManifest(image) ??
        checkCompatible(image, trust.policy, genuine) ??
        checkVersion(source, image, trust.policy, genuine) ??
        checkTree(source, image) ??
        checkSquashfs(image))) ?? { accepted: true }
  );
}

/** Issues that no verifier has to mind: what lies between the CMS and the trailer is read by nobody. */
const harmless = new Set(['cms-junk', 'der-indefinite', 'der-long-length']);
/** Issues that are judged where the signature is known to be good, so that an attack is refused for its own. */
const later = new Set(['squashfs', 'verity-size', 'misaligned']);

function checkForm(image: RaucImage): Refusal | undefined {
  if (image.claimedCmsBytes === 0n) return no('unsigned', 'the trailer says that there is no CMS');
  const issue = image.issues.find(({ code }) => !harmless.has(code) && !later.has(code));
  if (issue !== undefined) return no('format', issue.message);
  return image.bundleFormat === undefined ? no('format', 'no CMS that could be read') : undefined;
}

function checkFormat({ bundleFormat }: RaucImage, { bundleFormats }: Policy): Refusal | undefined {
  if (bundleFormat === undefined || bundleFormats === undefined || bundleFormats.includes(bundleFormat))
    return undefined;
  return no('bundle-format', `a ${bundleFormat} bundle, where only ${bundleFormats.join(', ')} are taken`);
}

/** What is signed in a plain bundle: all of its squashfs. In a verity bundle it is the manifest, in the CMS itself. */
export function signedContent(source: ByteSource, image: RaucImage): CmsContent | undefined {
  if (image.bundleFormat !== 'plain') return undefined;
  return { digest: (algorithm) => digestOf(source, algorithm, { end: image.payloadEnd }) };
}

function checkSignature(
  source: ByteSource,
  image: RaucImage,
  trust: Trust,
  genuine: Genuine,
): Refusal | undefined {
  if (image.cms === undefined) return no('format', 'there is no signed data');
  const whom: CmsTrust = {
    keys: trust.keys,
    policy: trust.policy,
    purpose: 'codeSigning',
    ...(genuine.names.size === 0 ? {} : { signerNames: genuine.names }),
    ...(trust.keys.length > 0 ? {} : { genuineSignatures: genuine.signatures }),
    ...(trust.crls === undefined ? {} : { crls: trust.crls }),
    ...(trust.at === undefined ? {} : { at: trust.at }),
  };
  const verdict = verifyCms(source, image.cms, signedContent(source, image), whom);
  return verdict.accepted ? undefined : verdict;
}

function checkManifest({ bundleFormat, manifest }: RaucImage): Refusal | undefined {
  if (bundleFormat !== 'verity') return undefined;
  if (manifest === undefined || manifest.strange > 0)
    return no('manifest', 'the signed content is no manifest');
  if (manifestValue(manifest, 'update', 'compatible') === undefined) {
    return no('manifest', 'the manifest does not say what it is compatible with');
  }
  const format = manifestValue(manifest, 'bundle', 'format');
  if (format !== 'verity')
    return no('manifest', `a manifest of format ${format ?? 'plain'} is signed by itself`);
  for (const key of ['verity-hash', 'verity-salt'] as const) {
    if (manifestHex32(manifest, key) === undefined)
      return no('manifest', `its ${key} is no number of 32 bytes`);
  }
  const size = manifestVeritySize(manifest);
  if (size === undefined || size === 0 || size % 4096 !== 0) {
    return no('manifest', `its verity-size is ${size ?? 'none'}, not a multiple of 4096 above 0`);
  }
  return undefined;
}

function checkCompatible(image: RaucImage, policy: Policy, { compatibles }: Genuine): Refusal | undefined {
  const compatible = manifestValue(image.manifest, 'update', 'compatible');
  if (policy.hardwareCompatibility !== 'checked' || compatible === undefined) return undefined;
  if (compatibles.size === 0 || compatibles.has(compatible)) return undefined;
  return no('compatible', `for ${compatible}, not for ${[...compatibles].join(', ')}`);
}

/** The genuine bundles themselves are asked without regard to each other's version. */
function checkVersion(
  source: ByteSource,
  image: RaucImage,
  policy: Policy,
  { sources, highest }: Genuine,
): Refusal | undefined {
  const version = manifestValue(image.manifest, 'update', 'version');
  if (policy.lowerVersion !== 'refuse' || sources.has(source)) return undefined;
  if (highest === undefined || image.bundleFormat !== 'verity') return undefined;
  if (version === undefined) return no('version', `no version, which is not above ${highest}`);
  return (compareVersions(version, highest) ?? 0) < 0
    ? no('version', `version ${version} is below ${highest}`)
    : undefined;
}

const treeReasons: Readonly<Record<VerityFault['kind'], string>> = {
  data: 'verity-data',
  tree: 'verity-tree',
  root: 'verity-root',
};

function checkTree(source: ByteSource, image: RaucImage): Refusal | undefined {
  if (image.bundleFormat !== 'verity') return undefined;
  const salt = manifestHex32(image.manifest, 'verity-salt');
  const root = manifestHex32(image.manifest, 'verity-hash');
  const issue = image.issues.find(({ code }) => code === 'misaligned' || code === 'verity-size');
  if (image.tree === undefined || salt === undefined || root === undefined) {
    return no(issue?.code ?? 'verity-size', issue?.message ?? 'there is no tree');
  }
  const fault = checkVerity(source, image.tree, salt, root);
  return fault && no(treeReasons[fault.kind], fault.detail);
}

function checkSquashfs({ issues }: RaucImage): Refusal | undefined {
  const issue = issues.find(({ code }) => code === 'squashfs');
  return issue && no('squashfs', issue.message);
}

function checkEncrypted(source: ByteSource, image: RaucImage, { encrypted }: Genuine): Refusal | undefined {
  if (encrypted.has(encryptedId(source, image))) return undefined;
  return no('encrypted', 'payload and envelope together are not those of a genuine bundle');
}

/** Payload and envelope; what lies behind the envelope is read by nobody. */
function encryptedId(source: ByteSource, { payloadEnd, cmsSpan }: RaucImage): string {
  const whole = digestOf(source, 'sha256', { end: cmsSpan?.end ?? 0 });
  return `${payloadEnd} ${whole.toString('hex')}`;
}

function readGenuine({ genuine, keys }: Trust): Genuine {
  const all = genuine.map((source) => ({ source, image: parseRauc(source) }));
  const values = (key: string): string[] =>
    all.flatMap(({ image }) => manifestValue(image.manifest, 'update', key) ?? []);
  const ofSigned = keys.length > 0 ? [] : all.filter(({ image }) => image.cms !== undefined);
  return {
    sources: new Set(genuine),
    encrypted: new Set(
      all
        .filter(({ image }) => image.bundleFormat === 'crypt')
        .map(({ source, image }) => encryptedId(source, image)),
    ),
    signatures: ofSigned.flatMap(({ source, image }) =>
      image.cms === undefined ? [] : genuineSignatureIds(source, image.cms, signedContent(source, image)),
    ),
    names: new Set(
      all.flatMap(({ image: { cms } }) =>
        (cms?.signers ?? []).flatMap((signer) =>
          cms === undefined ? [] : signerCertificates(cms, signer).map(({ subject }) => subject),
        ),
      ),
    ),
    compatibles: new Set(values('compatible')),
    highest: values('version').reduce<string | undefined>(
      (highest, version) =>
        highest === undefined || (compareVersions(version, highest) ?? 0) > 0 ? version : highest,
      undefined,
    ),
  };
}
