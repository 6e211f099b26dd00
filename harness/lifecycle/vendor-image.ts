/**
 * Special images of the vendor's. One that is not what its role demands makes a device that is in order look bad, and
 * one that is not authentic makes a device look good that refuses it for its signature alone: neither is offered.
 */

import type { FirmwareImage } from '../capabilities.ts';
import { NotExecuted } from '../errors.ts';
import type { CaseContext } from './case-context.ts';
import { formatFor, policyFor } from './forgeries.ts';
import { imageEngine } from './image-engine.ts';
import { fitsRole } from './image-role.ts';
import type { Run } from './run.ts';

/** Roles whose images a sound verifier refuses, whoever signed them. */
const malformed: readonly string[] = ['lengthOverflow', 'unsignedCounter', 'pathTraversal', 'bomb'];
/** Roles whose images may have expired by their certificates. */
const expired: readonly string[] = ['expired', 'newerExpired'];

/** What came of looking at an image: why it must not be offered, and what could not be checked. */
interface Examined {
  wrong?: string;
  unchecked: readonly string[];
}

/** By run and role: hashing a large image takes a while. */
const examined = new WeakMap<Run, Map<string, Examined>>();

/**
 * An image of the board file by its role, once it was seen to be what the role demands and, by the maker's keys, to be
 * authentic. What could not be checked is noted.
 *
 * @throws NotExecuted when the board names no such image (`input-missing`), or a wrong one (`input-wrong`)
 */
export function vendorImage(t: CaseContext, role: string): FirmwareImage {
  const image = t.image(role);
  const seen = examined.get(t.run) ?? new Map<string, Examined>();
  examined.set(t.run, seen);
  const found = seen.get(role) ?? examine(t, role, image);
  seen.set(role, found);
  if (found.wrong !== undefined) {
    throw new NotExecuted('input-wrong', `images.${role}: ${image.name} is not ${found.wrong}`, {
      hint: `Ask the vendor for another one and name it under images: ${role}. It was not offered.`,
    });
  }
  for (const note of found.unchecked) t.note(note);
  return image;
}

function examine(t: CaseContext, role: string, image: FirmwareImage): Examined {
  const checks = [checkRole, checkAuthentic].map((check) => check(t, role, image));
  const wrong = checks.find((check) => check?.wrong !== undefined)?.wrong;
  const unchecked = checks.flatMap((check) => check?.unchecked ?? []);
  return { unchecked, ...(wrong === undefined ? {} : { wrong }) };
}

interface Check {
  wrong?: string;
  unchecked?: string;
}

function checkRole(t: CaseContext, role: string, image: FirmwareImage): Check {
  const unchecked = (why: string): Check => ({
    unchecked: `whether ${role} is what it is to be was not checked: ${why}`,
  });
  const { genuine } = imageEngine();
  const golden = genuine(t.image('golden')).source;
  const { source } = genuine(image);
  const format = formatFor(t, golden);
  if (format === undefined) return unchecked('golden is of no known format');
  const [goldens, its] = [golden, source].map((one) => format.facts(one, format.parse(one)));
  if (goldens === undefined || its === undefined) return {};
  const fit = fitsRole(role, goldens, its, policyFor(t));
  if (fit.kind === 'differs') return { wrong: `what its role demands: ${fit.detail}` };
  return fit.kind === 'unknown' ? unchecked(fit.why) : {};
}

/** The reference verifier, with the keys that the device trusts; of use only where it takes the golden image. */
function checkAuthentic(t: CaseContext, role: string, image: FirmwareImage): Check {
  const unchecked = (why: string): Check => ({
    unchecked: `whether ${role} is authentic was not checked: ${why}`,
  });
  if (malformed.includes(role)) return unchecked('a sound verifier refuses such an image, whoever signed it');
  const { makersKeys, testKey } = t.run;
  if (makersKeys.length === 0) return unchecked('no keys.maker on the board');
  const { genuine, trustedKeys } = imageEngine();
  const golden = genuine(t.image('golden')).source;
  const { source } = genuine(image);
  const format = formatFor(t, golden);
  if (format === undefined) return unchecked('golden is of no known format');
  if (format.name === 'opaque') return unchecked('nothing is known of its format');
  const { certificateTime, ...timeless } = policyFor(t);
  const policy =
    expired.includes(role) || certificateTime === undefined ? timeless : { ...timeless, certificateTime };
  const verify = format.verifier({
    keys: trustedKeys({ trustedKeys: makersKeys, ...(testKey === undefined ? {} : { testKey }) }),
    // Both, so that neither is refused for being older than the other.
    genuine: [golden, source],
    policy,
  });
  const ground = verify(golden);
  if (!ground.accepted)
    return unchecked(`by keys.maker, golden is none itself (${ground.reason}: ${ground.detail})`);
  const verdict = verify(source);
  return verdict.accepted ? {} : { wrong: `authentic by keys.maker: ${verdict.reason}: ${verdict.detail}` };
}
